"""Extension of griffe: docstrings as this project writes them, for the pages of the site."""

from __future__ import annotations

import re
from typing import Any

import griffe

#: Sections of nipype workflows, which numpydoc does not know.
SECTION = re.compile(r"^(Inputs|Outputs)\n-+\n((?:(?!^\S.*\n-{3,}$).*\n?)*)", re.MULTILINE)
ROLE = re.compile(r":(?:func|class|mod|data|attr|meth|exc):`~?([^`]+)`")


class NodeSections(griffe.Extension):
    """Shows "Inputs" and "Outputs" as lists, and the roles of reStructuredText as code."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring before it is parsed."""
        if obj.docstring:
            obj.docstring.value = rewritten(obj.docstring.value)


def rewritten(docstring: str) -> str:
    """Return a docstring that the numpy parser and Markdown both understand.

    Parameters
    ----------
    docstring
        Without indentation.
    """
    return ROLE.sub(r"`\1`", SECTION.sub(_as_list, docstring + "\n")).rstrip()


def _as_list(match: re.Match[str]) -> str:
    """Turn a section into one with a list, which the parser shows as it is."""
    lines = [match[1], "-" * len(match[1])]
    terms = re.findall(r"^(\S.*)\n((?: +.*\n?)+)", match[2], re.MULTILINE)
    for names, text in terms:
        shown = ", ".join(f"`{name}`" for name in names.split(", "))
        lines += [f"- {shown}: {' '.join(text.split())}"]
    return "\n".join([*lines, "", ""])
