"""Write what lies at the root of the derivatives: description, README, .bidsignore."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bids_deface import __version__
from bids_deface.dataset.derivatives import BIDS_VERSION, write_json, write_text
from bids_deface.dataset.suffixes import DATATYPES
from bids_deface.kinds import PRIVATE
from bids_deface.textfiles import read_json

#: BIDS knows ``defacemask`` in anat only, ``dseg`` in anat, func and dwi.
NOT_IN_BIDS = (
    *(f"**/{datatype}/*_defacemask.*" for datatype in DATATYPES[1:]),
    *(f"**/{datatype}/*_dseg.*" for datatype in DATATYPES[1:] if datatype not in ("func", "dwi")),
)
BIDSIGNORE = "\n".join(("*.html", "logs", "figures", "private", "group_*.*", *NOT_IN_BIDS, ""))
PRIVATE_README = """This folder shows the original faces.

It holds pictures made before defacing, for those who may see them, and defaced images that await
review. It is no part of the dataset to share: delete it, or keep it where the raw data is kept.
"""


def write_root_files(bids_dir: Path, output_dir: Path) -> None:
    """Write dataset_description.json, README, .bidsignore and the private folder's warning."""
    container = os.environ.get("BIDS_DEFACE_CONTAINER")
    generated: dict[str, Any] = {"Name": "bids-deface", "Version": __version__}
    if container:
        generated["Container"] = {"Type": "docker", "Tag": container}
    raw = read_json(bids_dir / "dataset_description.json")
    description: dict[str, Any] = {
        "Name": f"{raw.get('Name', 'Head scans')}: defaced",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [generated],
        "SourceDatasets": [_source(raw)],
        "DatasetLinks": {"raw": ""},
    }
    if "License" in raw:
        description["License"] = raw["License"]
    write_json(output_dir / "dataset_description.json", description)
    write_text(output_dir / ".bidsignore", BIDSIGNORE)
    write_text(output_dir / "README", _readme())
    write_text(output_dir / PRIVATE / "README", PRIVATE_README)


def _source(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may be said of the raw dataset: never its place on this machine."""
    out: dict[str, Any] = {"URL": ""}
    if "DatasetDOI" in raw:
        out = {"DOI": raw["DatasetDOI"]}
    return out


def _readme() -> str:
    return (
        "Head scans with facial features hidden, made by bids-deface.\n\n"
        "`*_desc-defaced_*`: defaced images. `*_defacemask`: voxels that may have changed (1).\n"
        "`*_dseg`: regions of eyes, nose, ears, mouth and brain. `sub-*.html`: quality reports,\n"
        "`group_deface.html`: all images on one page.\n"
        "`logs/images`: the decision on each image. `private/` shows faces: do not share it.\n"
    )
