"""The record of a decision: what is kept of one image besides its voxels."""

from __future__ import annotations

from typing import Any

from bids_deface import __version__
from bids_deface.anatomy import name_of
from bids_deface.assurance.verdict import Decision
from bids_deface.detection.turns import describe_turn
from bids_deface.errors import DefaceError
from bids_deface.inspection import Inspection
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings


def success_record(source: str, settings: DefaceSettings, result: DefaceResult) -> dict[str, Any]:
    """Return the JSON-serialisable record of a judged image; no intensities, no places.

    Parameters
    ----------
    source
        Path of the raw image within its dataset.
    settings
        What was to be hidden.
    result
        What came out.
    """
    voxel_count = int(result.dseg.size)
    return {
        **_common(source, settings),
        "Verdict": result.verdict.decision.value,
        "Reasons": list(result.verdict.reasons),
        "Hint": _HINTS[result.verdict.decision],
        "Regions": {
            report.name: {
                "Status": report.status.value,
                "VolumeMl": round(report.volume_ml),
                "Confidence": round(report.confidence, 3),
                **({"Corrected": True} if report.corrected else {}),
            }
            for report in result.features.regions
        },
        "RegionsFrom": result.features.inherited_from,
        "SkullStripped": result.features.stripped,
        "Notes": list(result.notes),
        "Orientation": describe_turn(result.features.turn),
        "BrainMl": round(result.features.brain_ml, 1),
        "ChangedVoxels": result.changes.changed,
        "ChangedShare": round(result.changes.changed / voxel_count, 6),
        "ChangedVoxelsInBrain": result.changes.in_brain,
        "VoxelsSparedForBrain": result.n_spared,
        "ChangedVoxelsOutsideMask": result.changes.outside_mask,
        **_looks(result.inspection),
        **(_landmarks(result) if settings.landmarks else {}),
        **_untouched(result.inspection, settings),
        "WeightsSHA256": result.weights_sha256,
    }


def failure_record(
    source: str, in_file: str, settings: DefaceSettings, error: DefaceError
) -> dict[str, Any]:
    """Return the record of an image for which nothing is written.

    Parameters
    ----------
    source
        Path of the raw image within its dataset.
    in_file
        Its place on this machine, which the record must not tell.
    settings
        What was to be hidden.
    error
        Why not.
    """
    return {
        **_common(source, settings),
        "Verdict": Decision.FAIL.value,
        "Reasons": [_told(error.message, in_file, source)],
        "Hint": error.hint,
    }


def _told(message: str, in_file: str, source: str) -> str:
    """Return a message that names no place on this machine, nor that of a file beside it."""
    folder = in_file.rpartition("/")[0]
    told = message.replace(in_file, source)
    return told.replace(f"{folder}/", "") if folder else told


_HINTS = {
    Decision.PASS: "",
    Decision.REVIEW: "Look at the pictures in the private folder; nothing was released.",
    Decision.FAIL: "Nothing was written for this image; leave it out of what you share.",
}


def _looks(inspection: Inspection | None) -> dict[str, Any]:
    """Return what was seen of the head; None where the scan shows no skin."""
    if inspection is None:
        return {"FaceViewsBefore": None, "FaceViewsAfter": None, "Residues": None}
    return {
        "FaceViewsBefore": dict(inspection.faces_before),
        "FaceViewsAfter": dict(inspection.faces_after),
        "Residues": {
            name_of(index): {
                "HeightMm": round(residue.height_mm, 1),
                "ReliefMm": round(residue.relief_mm, 2),
                "TissueMl": round(residue.tissue_ml, 2),
            }
            for index, residue in inspection.residues.items()
        },
    }


def _landmarks(result: DefaceResult) -> dict[str, Any]:
    """Return what is known of landmarks; the place of those that are sure only."""
    voxels = result.landmark_voxels
    return {
        "Landmarks": {
            mark.name: {
                "Confidence": mark.confidence,
                **({"Voxel": list(voxels[mark.name])} if mark.is_sure else {}),
            }
            for mark in result.landmarks
        }
    }


def _untouched(inspection: Inspection | None, settings: DefaceSettings) -> dict[str, Any]:
    """Return how much is left of features that only some weights know; nothing without any."""
    if not settings.table.features:
        return {}
    left = inspection.untouched if inspection else {}
    told = {
        row.name: {"LeftMl": round(left[row.index], 2), "LimitMl": feature.left_ml}
        for feature in settings.extras.features
        for row in feature.labels
        if row.index in left
    }
    rows = [
        {"Index": row.index, "Name": row.name, "Color": row.color, "Feature": feature.name}
        for feature in settings.table.features
        for row in feature.labels
    ]
    return {"ExtraUntouched": told, "ExtraLabels": rows}


def _common(source: str, settings: DefaceSettings) -> dict[str, Any]:
    return {
        "Source": source,
        "Version": __version__,
        "Protocol": settings.protocol,
        "Features": list(settings.names),
        "Level": settings.level.value,
        "OnDoubt": settings.on_doubt.value,
        "Methods": settings.descriptions,
    }
