"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re

from tests.conftest import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [*sorted(DOCS.glob("*.md")), README]
BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks(text: str, *languages: str) -> list[str]:
    """Return the blocks of a page in some languages."""
    return [body for language, body in BLOCK.findall(text) if language in languages]
