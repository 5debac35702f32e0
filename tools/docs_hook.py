"""Hook of mkdocs: files outside of ``docs/`` that its pages lead to become pages of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parent.parent
#: File of the repository to page of the site.
PAGES = {
    "README.md": "readme.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "NOTICE": "notice.md",
    "bids_deface/detection/weights/MODEL_CARD.md": "model-card.md",
}
PICTURES = {"bids_deface/detection/weights/curves.png": "curves.png"}
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)([^)\s]*)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        text = text if name.endswith(".md") else f"# {name}\n\n```\n{text}\n```\n"
        text = redirected(text, posixpath.dirname(name))
        files.append(File.generated(config, page, content=text))
    for name, picture in PICTURES.items():
        files.append(File.generated(config, picture, content=(ROOT / name).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Let links lead to these pages."""
    made = page.file.src_uri in PAGES.values()
    return markdown if made else redirected(markdown, "docs")


def redirected(markdown: str, folder: str) -> str:
    """Rewrite the links of a file of the repository; where there is no page, the words stay.

    Parameters
    ----------
    markdown
        Text of the file.
    folder
        Where it lies in the repository.
    """

    def place(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[2]))
        known = {**PAGES, **PICTURES}
        page = known.get(path) or path.removeprefix("docs/")
        there = path in known or (path.startswith("docs/") and (ROOT / path).is_file())
        return f"[{match[1]}]({page}{match[3]})" if there else match[1]

    return LINK.sub(place, markdown)
