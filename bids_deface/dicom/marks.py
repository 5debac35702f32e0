"""What a file says of its own de-identification (PS3.15, E.1.1; PS3.3, C.7.1.1 and C.12.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from bids_deface import __version__
from bids_deface.dicom.options import Dates, HeaderOptions, Profile

#: Context group 7050 (PS3.16): code value to meaning.
CODES: Final = {
    "113100": "Basic Application Confidentiality Profile",
    "113102": "Clean Recognizable Visual Features Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113110": "Retain UIDs Option",
    "113111": "Retain Safe Private Option",
    "113112": "Retain Institution Identity Option",
}
FEATURES_CODE: Final = "113102"
#: Whether times between events can still be told (0028,0303).
TIMES_TOLD: Final = {
    Dates.NONE: "REMOVED",
    Dates.SHIFTED: "MODIFIED",
    Dates.ORIGINAL: "UNMODIFIED",
}
#: UID of this program as the writer of a file, made once (PS3.5, B.2).
IMPLEMENTATION: Final = "2.25.81426302741893512347760184290373651172"
#: Longest value of a Long String (PS3.5, table 6.2-1).
LONGEST: Final = 64


def mark_headers(dataset: Dataset, options: HeaderOptions, *, defaced: bool) -> None:
    """Write into a data set what was done with it.

    Parameters
    ----------
    dataset
        Cleaned; changed in place.
    options
        Profile and options that were followed.
    defaced
        Whether all of the face was hidden, too.
    """
    codes = _codes_of(options, defaced=defaced)
    is_basic = options.profile is Profile.BASIC
    profile = "PS3.15 E basic profile" if is_basic else "20 fields of Jeong et al. 2020"
    methods = [f"bids-deface {__version__}: {profile}"]
    methods += [CODES[code][:LONGEST] for code in codes if code != "113100"]
    dataset.PatientIdentityRemoved = "YES" if is_basic else "NO"
    dataset.DeidentificationMethod = methods
    dataset.DeidentificationMethodCodeSequence = [_code(code) for code in codes]
    if is_basic:
        dataset.LongitudinalTemporalInformationModified = TIMES_TOLD[options.dates]


def mark_pixels(
    dataset: Dataset, features: Iterable[str], *, changed: bool, complete: bool
) -> None:
    """Write into a data set what of the face is hidden.

    Parameters
    ----------
    dataset
        Cleaned; changed in place.
    features
        What was to be hidden.
    changed
        Whether any voxel of the volume was; if not, there was nothing to hide.
    complete
        Whether that is all of the face; else the file goes on saying what it said.
    """
    if complete:
        dataset.RecognizableVisualFeatures = "NO"
    if not changed:
        return
    kinds = [str(value) for value in dataset.get("ImageType", None) or ["", "PRIMARY"]]
    dataset.ImageType = ["DERIVED", *kinds[1:]]
    for group in _frame_types(dataset):
        group.FrameType = ["DERIVED", *list(group.get("FrameType", None) or ["", "PRIMARY"])[1:]]
    text = f"Facial features hidden ({' '.join(features)}) by bids-deface {__version__}"
    dataset.DerivationDescription = text


def _frame_types(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the groups that say of frames what Image Type says of the whole (C.8.13.5.1)."""
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in dataset.get(keyword, None) or ():
            yield from groups.get("MRImageFrameTypeSequence", None) or ()


def _codes_of(options: HeaderOptions, *, defaced: bool) -> list[str]:
    """Return the codes of what was done to headers and pixels, in order."""
    is_basic = options.profile is Profile.BASIC
    done = {
        "113100": is_basic,
        FEATURES_CODE: defaced,
        "113105": options.clean_descriptors,
        "113106": options.dates is Dates.ORIGINAL,
        "113107": options.dates is Dates.SHIFTED,
        "113108": options.keep_patient_characteristics,
        "113109": options.keep_device,
        "113110": options.keep_uids,
        "113111": bool(options.private),
        "113112": options.keep_institution,
    }
    return [code for code, on in done.items() if on and (is_basic or code == FEATURES_CODE)]


def new_file_meta(dataset: Dataset) -> None:
    """Replace file meta information and preamble: both can hold names of systems and places."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = UID(IMPLEMENTATION)
    meta.ImplementationVersionName = f"BIDS_DEFACE_{__version__}"[:16]
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = CODES[value]
    return item
