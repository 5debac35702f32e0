"""``--corrections``: what a reviewer says of images, held against the dataset before it starts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bids_deface.containers.load import load_volume
from bids_deface.corrections_file import ImageCorrection, read_corrections
from bids_deface.dataset.plan import Plan
from bids_deface.dataset.query import ImageRecord
from bids_deface.detection.corrections import check_places
from bids_deface.errors import CorrectionError, DefaceError, UsageError
from bids_deface.textfiles import read_json


def corrections_for(
    file: Path, bids_dir: Path, records: list[ImageRecord]
) -> dict[str, ImageCorrection]:
    """Read the corrections of a dataset, and tell of those that this run leaves aside.

    Parameters
    ----------
    file
        Value of ``--corrections``.
    bids_dir
        The dataset.
    records
        Images of this run.

    Raises
    ------
    DefaceError
        The file is of no use, or names an image that the dataset does not have.
    """
    corrections = read_corrections(file)
    known = {record.relative for record in records}
    aside = [image for image in corrections if image not in known]
    for image in aside:
        place = PurePosixPath(image)
        inside = not place.is_absolute() and ".." not in place.parts
        if not (inside and (bids_dir / place).is_file()):
            raise UsageError(
                f"{file}: there is no image {image} in {bids_dir}.",
                "Images are named by their place in the dataset: sub-01/anat/sub-01_T1w.nii.gz.",
            )
    if aside:
        sys.stderr.write(f"{file}: corrected, but no part of this run: {', '.join(aside)}\n")
    return {image: said for image, said in corrections.items() if image in known}


def check_plan(plan: Plan, file: Path) -> None:
    """Raise where a correction that is to be heeded does not lie in its image.

    Parameters
    ----------
    plan
        Of this run.
    file
        Value of ``--corrections``, for messages.

    Raises
    ------
    CorrectionError
        A centre or painting lies outside the field of view.
    """
    for image in plan.todo:
        if image.correction is None:
            continue
        correction = image.correction.load()
        try:
            volume = load_volume(image.record.path)
        except DefaceError:
            # The image's own line will say so.
            continue
        try:
            check_places(correction, volume.data.shape[:3], volume.affine)
        except CorrectionError as error:
            message = f"{file}: {image.record.relative}: {error.message}"
            raise CorrectionError(message, error.hint) from error


def warn_of_dropped(plan: Plan, corrections: Mapping[str, ImageCorrection]) -> None:
    """Tell of images that were corrected before, and would now be done without."""
    for image in plan.todo:
        sources = (image.record, *image.references)
        if any(record.relative in corrections for record in sources):
            continue
        regions = read_json(image.names.result).get("Regions", {})
        if any(region.get("Corrected") for region in regions.values()):
            sys.stderr.write(
                f"{image.record.relative}: was done with a reviewer's corrections, and is done "
                "again without: give --corrections as before to keep them.\n"
            )
