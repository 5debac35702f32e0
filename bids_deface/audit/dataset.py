"""All that a dataset gives away but for its images' faces."""

from __future__ import annotations

from bids_deface.audit.finding import Finding
from bids_deface.audit.headers import audit_header
from bids_deface.audit.metadata import audit_sidecar
from bids_deface.audit.risky import audit_files, is_in_risky_folder
from bids_deface.audit.tables import audit_table, is_personal
from bids_deface.audit.walk import Tree


def audit_texts(tree: Tree) -> list[Finding]:
    """Return identifying text and risky files of a dataset; no image's voxels are read.

    Parameters
    ----------
    tree
        The dataset.
    """
    found = audit_files(tree)
    for file in tree.files:
        if is_in_risky_folder(file):
            # Told as a whole.
            continue
        if file.endswith(".json"):
            found += audit_sidecar(tree.root, file)
        elif is_personal(file):
            found += audit_table(tree.root, file)
        else:
            found += audit_header(tree.root, file)
    return found
