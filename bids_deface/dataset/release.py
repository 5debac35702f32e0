"""Release images that a person has looked at: out of the private folder, into the derivatives."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bids_deface.assurance.verdict import Decision
from bids_deface.dataset.decisions import ACCEPT, read_decisions, stamp_of
from bids_deface.dataset.derivatives import ORIGINAL, PICTURES, Produced, store_image
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.plan import Action, Plan, PlannedImage
from bids_deface.errors import UsageError
from bids_deface.kinds import PRIVATE
from bids_deface.textfiles import read_json

#: In the record of an image that was released: what was said against it.
ACCEPTED = "AcceptedReasons"


def read_accepted(path: Path) -> dict[str, str]:
    """Read which images a person has accepted.

    Parameters
    ----------
    path
        Table (TSV) with a column ``source``: raw images by their place in the dataset, as in
        ``group_deface.tsv``. Where it has a column ``decision`` (``private/review.tsv``), only the
        rows that say ``accept`` count. Other columns do not matter.

    Returns
    -------
    dict
        Image to the stamp of the result that was looked at; "" where the table has none.

    Raises
    ------
    NoInputError
        It cannot be read.
    UsageError
        It has no such column, or a decision is no word that is known.
    """
    return {one.source: one.stamp for one in read_decisions(path) if one.decision == ACCEPT}


def release(plan: Plan, accepted: Mapping[str, str]) -> tuple[str, ...]:
    """Bring accepted images to the derivatives.

    Parameters
    ----------
    plan
        Of this run: what is to be done again is not what was looked at.
    accepted
        Raw images by their place in the dataset, and the stamp of what was looked at; "" for
        whatever is there.

    Returns
    -------
    tuple of str
        Those that were released now; what was released or passed before is left as it is.

    Raises
    ------
    UsageError
        One is not part of this run, has failed, is to be done again, was done again since it was
        looked at, or its files are gone; then none is released.
    """
    images = {image.record.relative: image for image in plan.images}
    waiting = []
    for source, stamp in sorted(accepted.items()):
        if source not in images:
            raise UsageError(f"{source} was accepted, but is not part of this run.")
        if _awaits_review(images[source], stamp):
            waiting.append(images[source])
    for image in waiting:
        _release(image)
    return tuple(image.record.relative for image in waiting)


def _awaits_review(image: PlannedImage, stamp: str) -> bool:
    """Tell whether an image can be released; raise where it must not be."""
    source = image.record.relative
    if image.action is not Action.SKIP:
        raise UsageError(
            f"{source} was accepted, but is to be done (again).",
            "Run without --accept, look at the new result, then accept that.",
        )
    record = read_json(image.names.result)
    verdict = record.get("Verdict")
    if verdict == Decision.FAIL:
        raise UsageError(f"{source} has failed: there is nothing to accept.")
    if verdict == Decision.REVIEW and stamp and stamp != stamp_of(record):
        raise UsageError(
            f"{source} was done again after it was accepted.",
            "Look at the new result, then accept that.",
        )
    return bool(verdict == Decision.REVIEW)


def _release(image: PlannedImage) -> None:
    names = image.names
    result = read_json(names.result)
    reasons = [str(reason) for reason in result.pop("Reasons", [])]
    # Beside the originals' pictures: what awaits review may show a face until this is done.
    with tempfile.TemporaryDirectory(dir=names.output_dir / PRIVATE) as folder:
        produced = _taken_out(names, Path(folder))
        note = f"released by a reviewer in spite of: {'; '.join(reasons)}"
        passed: dict[str, Any] = {
            **result,
            "Verdict": Decision.PASS.value,
            "Reasons": [],
            "Hint": "",
            "Notes": [*result.get("Notes", []), note],
            ACCEPTED: reasons,
        }
        store_image(names, image.record.relative, image.record.sidecar, produced, passed)


def _taken_out(names: OutputNames, folder: Path) -> Produced:
    """Copy all files of an image that awaits review to a folder of their own."""

    def taken(path: Path) -> Path | None:
        if not path.is_file():
            return None
        return Path(shutil.copyfile(path, folder / path.name))

    def pictures(prefix: str) -> dict[str, Path]:
        drawn = ((what, names.private_figures / names.figure(prefix + what)) for what in PICTURES)
        found = ((what, taken(path)) for what, path in drawn)
        return {what: path for what, path in found if path is not None}

    image, mask, dseg = (
        taken(names.review_folder / name)
        for name in (names.relative_image, names.relative_mask, names.relative_dseg)
    )
    if image is None or mask is None or dseg is None:
        raise UsageError(
            f"The files of {names.raw_stem} are no longer in {names.review_folder}.",
            "Run with --force to make them again.",
        )
    return Produced(image, mask, dseg, pictures(""), pictures(ORIGINAL))
