"""Write docs/licences.md: what the image holds, in which version, under which licence.

Run it in an environment made from requirements/image.lock and requirements/torch.txt.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAD = """# Licences of dependencies

What `requirements/image.lock` and `requirements/torch.txt` pin, and under which licence each
says that it comes. Made by `python tools/licences.py`; do not edit. The licences of the program,
the weights and the average head are in [NOTICE](../NOTICE). The local page stands below.

| package | version | licence |
|---|---|---|
"""


PAGE = """
## The local page

What `frontend/package-lock.json` pins and the bundle in `bids_deface/review/static/` holds; the
texts are in its `licences.txt`.

| package | version | licence |
|---|---|---|
"""


def bundled() -> list[tuple[str, str, str]]:
    """Return name, version and licence of what the page holds, as its build wrote them down."""
    text = (ROOT / "bids_deface" / "review" / "static" / "licences.txt").read_text("utf-8")
    return re.findall(r"^-{79}\n(\S+) (\S+): (.+)$", text, re.MULTILINE)


def pins() -> list[tuple[str, str]]:
    """Return name and version of everything that the image installs."""
    text = "".join((ROOT / "requirements" / n).read_text() for n in ("image.lock", "torch.txt"))
    return sorted(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def licence_of(name: str, version: str) -> str:
    """Return what a package's metadata says of its licence."""
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise SystemExit(f"{name} is not installed: install requirements/image.lock") from error
    if found.version.partition("+")[0] != version:
        raise SystemExit(f"{name} {found.version} is installed, {version} is pinned")
    metadata = found.metadata
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier", [])
        if text.startswith("License :: ") and not text.endswith(":: OSI Approved")
    ]
    text = str(metadata.get("License") or "").strip()
    short = text if 0 < len(text) < 60 and "\n" not in text else ""
    return metadata.get("License-Expression") or short or ", ".join(classifiers) or "see its files"


def main() -> None:
    """Write the table."""
    rows = [f"| {name} | {version} | {licence_of(name, version)} |\n" for name, version in pins()]
    page = PAGE + "".join(f"| {' | '.join(row)} |\n" for row in bundled())
    (ROOT / "docs" / "licences.md").write_text(HEAD + "".join(rows) + page, encoding="utf-8")


if __name__ == "__main__":
    main()
