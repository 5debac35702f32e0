"""What the sidecars of the derivatives say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bids_deface import __version__
from bids_deface.anatomy import LABELS

#: Sidecar fields that name persons, places, devices or times (DICOM keywords and their kin);
#: EchoTime, RepetitionTime, PatientPosition and the like are physics and stay.
IDENTIFYING = re.compile(
    r"Patient(?!Position)|Physician|Operator|Institution|StationName|SerialNumber|UID$|Accession|"
    r"Birth|Ethnic|Requesting|StudyID|StudyDescription|Comments|ProcedureStepDescription|"
    r"ProtocolOperator|AdmissionID|"
    r"(Acquisition|Study|Series|Content|Creation|Step|Scheduled|Injection|Start|Stop|End)\w*"
    r"(Date|DateTime)$|"
    r"^(Acquisition|Study|Series|Content|InstanceCreation|PerformedProcedureStepStart)Time$"
)
_CODES = ({"CodeValue": "113102", "CodeMeaning": "Clean Recognizable Visual Features Option"},)


def image_sidecar(
    source: str, raw: Mapping[str, Any], result: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the sidecar of a defaced image: what is still true, and what was done."""
    kept = without_identity(raw)
    methods = [f"{feature}: {text}" for feature, text in result["Methods"].items()]
    if not result["ChangedVoxels"]:
        methods = ["nothing was left to hide"]
    return {
        **kept,
        **({"Notes": list(result["Notes"])} if result["Notes"] else {}),
        "Description": "Head scan with facial features hidden; brain voxels are unchanged",
        "Sources": [f"bids:raw:{source}"],
        "SkullStripped": bool(raw.get("SkullStripped", False) or result["SkullStripped"]),
        "SpatialReference": "orig",
        "Level": result["Level"],
        "DeidentificationMethod": [
            *_texts(raw.get("DeidentificationMethod")),
            f"bids-deface {__version__}, protocol {result['Protocol']}",
            *methods,
        ],
        "DeidentificationMethodCodeSequence": [
            {**code, "CodingSchemeDesignator": "DCM", "CodingSchemeVersion": "01"}
            for code in _CODES
        ],
    }


def _texts(value: Any) -> list[str]:
    """Return what a field says that may hold one text or several."""
    return [value] if isinstance(value, str) else list(value or [])


def without_identity(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without fields that name persons, places, devices or times, at any depth."""
    return {
        key: _without_identity(value)
        for key, value in metadata.items()
        if not IDENTIFYING.search(key)
    }


def _without_identity(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_identity(value)
    return [_without_identity(item) for item in value] if isinstance(value, list) else value


def mask_sidecar(source: str) -> dict[str, Any]:
    """Return the sidecar of the mask of what may have changed."""
    return {
        "Description": (
            "Voxels that defacing may have changed (1 = may have changed, 0 = bit-identical): "
            "boxes around what was hidden, so that no outline is told; never brain"
        ),
        "Type": "Face",
        "Sources": [f"bids:raw:{source}"],
        "SkullStripped": False,
        "SpatialReference": "orig",
    }


def dseg_sidecar(source: str) -> dict[str, Any]:
    """Return the sidecar of the segmentation."""
    return {
        "Description": "The brain, and a box around each facial feature, which tells no outline",
        "Manual": False,
        "Sources": [f"bids:raw:{source}"],
        "SkullStripped": False,
        "SpatialReference": "orig",
    }


def label_table() -> str:
    """Return the look-up table of the segmentation as TSV."""
    rows = [f"{label.index}\t{label.name}\t{label.color}" for label in LABELS]
    return "\n".join(["index\tname\tcolor", "0\tbackground\t#000000", *rows]) + "\n"
