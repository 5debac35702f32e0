"""Make a BIDS dataset from a folder of labelled real heads."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

SUFFIX_OF_CONTRAST = {"PDw-like": "PDw"}


def rows_of(heads_dir: Path, *splits: str) -> list[dict[str, str]]:
    """Return the rows of ``heads.tsv`` of some splits."""
    with (heads_dir / "heads.tsv").open(newline="", encoding="utf-8") as file:
        return [r for r in csv.DictReader(file, delimiter="\t") if r["split"] in splits]


def bids_path(row: dict[str, str]) -> str:
    """Return a BIDS name for a head: one subject a head, so that none is mistaken for another."""
    subject = "".join(c for c in row["head"] if c.isalnum())
    suffix = SUFFIX_OF_CONTRAST.get(row["contrast"], row["contrast"])
    return f"sub-{subject}/anat/sub-{subject}_{suffix}.nii.gz"


def assemble(heads_dir: Path, folder: Path, rows: list[dict[str, str]]) -> Path:
    """Link images into a new BIDS dataset; return its folder."""
    folder.mkdir(parents=True)
    (folder / "dataset_description.json").write_text('{"Name": "real", "BIDSVersion": "1.10.0"}')
    (folder / "README").write_text("Real heads: not to be shared.\n")
    for row in rows:
        path = folder / bids_path(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to((heads_dir / row["image"]).resolve())
    return folder


if __name__ == "__main__":
    source = Path(sys.argv[1])
    assemble(source, Path(sys.argv[2]), rows_of(source, *sys.argv[3:]))
