"""What the pages say of files, headings, options and names of the code is true."""

from __future__ import annotations

import ast
import re
import shlex
import unicodedata
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from bids_deface.errors import UsageError
from tests.conftest import ROOT
from tests.pages import BLOCK, DOCS, PAGES, blocks

PARSERS = {
    "bids-deface": "parser",
    "bids-deface-image": "image",
    "bids-deface-dicom": "dicom",
    "bids-deface-evaluate": "identity",
    "bids-deface-train": "train",
    "bids-deface-demo": "demo",
    "bids-deface-ui": "review.main",
    "bids-deface-audit": "audit",
    "bids-deface-export": "export",
}
LINK = re.compile(r"\]\(([^)\s]+)\)")
#: A word that starts one of the commands: its name, a path to it, an image with it.
COMMAND = re.compile(r"(?:.*/)?(bids-deface(?:-[a-z]+)?)(?::[\w.]+|\.sif)?")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    return BLOCK.sub("", path.read_text())


@cache
def anchors(path: Path) -> frozenset[str]:
    """Headings as anchors, where GitHub and the site agree on them."""
    found = set()
    for title in re.findall(r"^#+ +(.*)$", prose(path), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "")
        ascii_only = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode()
        site = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", ascii_only).strip().lower())
        github = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found |= {site} & {github}
    return frozenset(found)


def broken_links(path: Path) -> list[str]:
    broken = []
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def commands(lines: str) -> list[list[str]]:
    """Return the calls of this project's commands in lines of shell, name first."""
    found = []
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split = True
        call: list[str] | None = None
        before = ""
        for word in lexer:
            if set(word) <= set("&|;<>"):
                call = None
            elif call is not None:
                call.append(word)
            # What is built or saved is no command.
            elif (match := COMMAND.fullmatch(word)) and before not in ("build", "save"):
                call = [match[1]]
                found.append(call)
            before = word
    return found


@cache
def parser_of(name: str):
    module = PARSERS[name]
    place = module if "." in module else f"cli.{module}"
    return import_module(f"bids_deface.{place}").build_parser()


def unknown_options(call: list[str]) -> list[str]:
    """Return the long options that the command does not have."""
    parser = parser_of(call[0])
    for action in parser._actions:
        if isinstance(action.choices, dict) and len(call) > 1 and call[1] in action.choices:
            parser = action.choices[call[1]]
    words = (word.strip("[]").partition("=")[0] for word in call[1:])
    return [w for w in words if w.startswith("--") and w not in parser._option_string_actions]


def test_the_site_names_every_page_and_no_other():
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2].partition("\n\n")[0]
    named = re.findall(r"^ +- [^\n:]+: (\S+\.md)$", nav, re.MULTILINE)
    assert sorted(named) == sorted(path.name for path in DOCS.glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    assert broken_links(path) == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_options_are_those_of_the_commands(path):
    text = path.read_text()
    spans = re.findall(r"`(bids-deface[^`\n]*)`", BLOCK.sub("", text))
    said = [call for block in (*blocks(text, "sh", ""), *spans) for call in shell(block)]
    assert {" ".join(call): unknown_options(call) for call in said if unknown_options(call)} == {}


def shell(text: str) -> list[list[str]]:
    """Return the commands in a text that may be something else, such as a tree of files."""
    try:
        return [call for call in commands(text) if call[0] in PARSERS]
    except ValueError:
        return []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_can_be_parsed(path):
    for block in blocks(path.read_text(), "sh"):
        for name, *arguments in commands(block):
            if not arguments:
                continue
            try:
                parser_of(name).parse_args(arguments)
            except UsageError as error:
                pytest.fail(f"{name} {' '.join(arguments)}: {error}")


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_names_that_examples_import_exist(path):
    for block in blocks(path.read_text(), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bids_deface"):
                known = names_in(node.module)
                assert {alias.name for alias in node.names} <= known, node.module


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_objects_of_the_reference_exist(path):
    for target in re.findall(r"^::: (\S+)$", path.read_text(), re.MULTILINE):
        module, _, name = target.rpartition(".")
        assert module_file(target) or name in names_in(module), target


def module_file(module: str) -> Path | None:
    """Return where a module is, without importing it: some take seconds."""
    path = ROOT / Path(*module.split("."))
    places = (path.with_suffix(".py"), path / "__init__.py")
    return next((place for place in places if place.is_file()), None)


@cache
def names_in(module: str) -> frozenset[str]:
    path = module_file(module)
    assert path is not None, module
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return frozenset(names)


def test_what_is_wrong_is_found(tmp_path):
    """The checks can fail."""
    page = tmp_path / "page.md"
    page.write_text("# A page\n[a](page.md#a-page) [b](gone.md) [c](#gone) [d](page.md#b-page)\n")
    assert broken_links(page) == ["gone.md", "#gone", "page.md#b-page"]
    block = "docker run -v /a:/b bids-deface:0.1.0 /data \\\n  /out participant --gone | cat --n\n"
    (call,) = commands(block)
    assert call == ["bids-deface", "/data", "/out", "participant", "--gone"]
    assert unknown_options(call) == ["--gone"]
    (call,) = commands(".venv/bin/bids-deface-train fit --data D [--stress] # --no\n")
    assert unknown_options(call) == ["--stress"]
