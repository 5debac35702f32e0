"""Which images of a dataset may show a face, and what was seen in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from bids_deface.audit.finding import Finding, Kind, Weight
from bids_deface.audit.risky import is_in_risky_folder
from bids_deface.audit.walk import Tree
from bids_deface.containers.load import load_volume
from bids_deface.containers.names import container_of, files_of, split_name
from bids_deface.dataset.suffixes import DATATYPES, shows_tissue
from bids_deface.detection.plausibility import Status
from bids_deface.errors import DefaceError
from bids_deface.face_search import FaceLook, FeatureLook, look_for_face

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector

#: Suffixes of images that hold labels, not intensities.
LABELS: Final = ("mask", "defacemask", "dseg", "probseg", "boldmask", "noRF")
#: Of a FreeSurfer subject: these show the head, all others the brain or labels.
FREESURFER: Final = re.compile(r"^(orig|rawavg|T1|T2|FLAIR|nu|orig_nu|\d{3}|T2raw|FLAIRraw)\b")
#: Status of an image that could not be judged as a whole.
DOUBT: Final = "doubtful"
FACE_ITEM, IMAGE_ITEM = "face", "image"


@dataclass(frozen=True)
class AuditedImage:
    """One image that is looked at.

    Attributes
    ----------
    path
        Where it is.
    file
        Path within the dataset, posix.
    """

    path: Path
    file: str

    @property
    def shows_tissue(self) -> bool:
        """False for maps and phase images, by the file's name."""
        path = PurePosixPath(self.file)
        parts = split_name(Path(path.name))[0].split("_")
        entities = {key: label for key, _, label in (part.partition("-") for part in parts[:-1])}
        return shows_tissue(path.parent.name, parts[-1], entities)


def find_audited(
    tree: Tree, include: Collection[str] = (), participants: Collection[str] = ()
) -> Iterator[AuditedImage]:
    """Yield the images that may show a face.

    Those in ``anat`` and those in no folder of BIDS are always among them: nobody knows what the
    latter are.

    Parameters
    ----------
    tree
        The dataset.
    include
        Other datatypes to look at.
    participants
        Labels without ``sub-``; none takes all.
    """
    skipped = {*DATATYPES[1:], "meg", "eeg", "ieeg", "nirs", "beh", "motion"} - {*include}
    for file in tree.files:
        path = PurePosixPath(file)
        if container_of(Path(file)) is None or files_of(Path(file))[0] != Path(file):
            continue
        if is_in_risky_folder(file) or not _is_of(path, participants):
            continue
        if path.parent.name in skipped or not _may_show_head(path):
            continue
        yield AuditedImage(tree.root / file, file)


def _is_of(path: PurePosixPath, participants: Collection[str]) -> bool:
    labels = {part.removeprefix("sub-") for part in path.parts if part.startswith("sub-")}
    return not participants or bool(labels & {*participants})


def _may_show_head(path: PurePosixPath) -> bool:
    stem = split_name(Path(path.name))[0]
    if "mri" in path.parts[:-1] and path.name.endswith((".mgz", ".mgh")):
        return bool(FREESURFER.match(stem))
    return stem.rpartition("_")[2] not in LABELS


def audit_image(image: AuditedImage, detector: FeatureDetector) -> list[Finding]:
    """Return what one image shows of a face.

    Parameters
    ----------
    image
        The image.
    detector
        Finds where features are.
    """
    try:
        volume = load_volume(image.path)
        look = look_for_face(volume, detector, shows_tissue=image.shows_tissue)
    except DefaceError as error:
        look = FaceLook(doubt=error.message.replace(str(image.path), image.file).rstrip("."))
    return findings_of(image.file, look)


def findings_of(file: str, look: FaceLook) -> list[Finding]:
    """Return one finding for each feature, and one for the face detectors, or for the doubt.

    Parameters
    ----------
    file
        The image, within its dataset.
    look
        What was seen.
    """
    if look.doubt:
        reason = f"a face cannot be ruled out: {look.doubt}"
        return [Finding(file, Kind.FACE, IMAGE_ITEM, DOUBT, Weight.PROBLEM, reason)]
    found = [_feature(file, feature.value, one) for feature, one in look.features.items()]
    views = {name: n for name, n in look.faces.items() if n}
    told = ", ".join(f"{name} in {n} views" for name, n in views.items())
    weight = Weight.PROBLEM if views else Weight.FINE
    status = Status.FOUND if views else Status.ABSENT
    reason = f"found by {told}" if views else "skull-stripped" if look.stripped else ""
    return [*found, Finding(file, Kind.FACE, FACE_ITEM, status.value, weight, reason)]


def _feature(file: str, item: str, look: FeatureLook) -> Finding:
    gone = look.status in (Status.ABSENT, Status.OUTSIDE)
    weight = Weight.FINE if gone else Weight.PROBLEM
    return Finding(file, Kind.FACE, item, look.status.value, weight, look.reason)
