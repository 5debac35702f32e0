"""Lists of attributes and words, from the files beside this one."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def attributes(name: str) -> frozenset[str]:
    """Return a list of ``attributes.toml``: keywords of DICOM's dictionary (PS3.6)."""
    content = tomllib.loads((_HERE / "attributes.toml").read_text(encoding="utf-8"))
    return frozenset(content[name])


@cache
def words() -> frozenset[str]:
    """Return the words that descriptions may keep, in lower case."""
    lines = (_HERE / "words.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(" ".join(line for line in lines if not line.startswith("#")).split())
