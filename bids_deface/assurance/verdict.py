"""PASS, REVIEW or FAIL, with reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bids_deface.anatomy import FacialFeature, labels_of, name_of
from bids_deface.assurance.brain import ChangeCount
from bids_deface.feature_table import STANDARD, FeatureTable


class Decision(StrEnum):
    """What may happen with a defaced image."""

    PASS = "PASS"  # noqa: S105
    REVIEW = "REVIEW"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Verdict:
    """Decision on one image.

    Attributes
    ----------
    decision
        PASS: may be shared. REVIEW: a human must look. FAIL: nothing is written.
    reasons
        Why, in words; empty for PASS.
    """

    decision: Decision
    reasons: tuple[str, ...] = ()


#: A feature that is there is not hidden by changing less than this.
LEAST_CHANGE_ML = 0.5


@dataclass(frozen=True)
class RegionEvidence:
    """What speaks for one region being hidden.

    Attributes
    ----------
    index
        Label index.
    expected_here
        Whether the feature is in the field of view and not known to be absent.
    doubt
        Why the detection is doubtful; empty if it is not.
    changed_ml
        Volume changed inside this region.
    name
        Of the region; empty for a standard one.
    least_ml
        It is not hidden by changing less than this.
    """

    index: int
    expected_here: bool
    doubt: str
    changed_ml: float
    name: str = ""
    least_ml: float = LEAST_CHANGE_ML


def decide(
    evidence: tuple[RegionEvidence, ...],
    features: tuple[FacialFeature, ...],
    changes: ChangeCount,
    doubts: tuple[str, ...] = (),
    extras: FeatureTable = STANDARD,
) -> Verdict:
    """Weigh the evidence for one image; in doubt, never PASS.

    Parameters
    ----------
    evidence
        One entry for each facial region.
    features
        Features that were to be hidden.
    changes
        Comparison of the output with the input.
    doubts
        What else speaks against the image as a whole, in words.
    extras
        What was to be hidden of the weights' own features.
    """
    broken = []
    if changes.in_brain:
        broken.append(f"{changes.in_brain} brain voxels would change")
    if changes.outside_mask:
        broken.append(f"{changes.outside_mask} voxels outside the mask would change")
    if broken:
        return Verdict(Decision.FAIL, tuple(broken))
    wanted = {index for feature in features for index in labels_of(feature)}
    wanted |= {row.index for row in extras.labels}
    found = [*doubts]
    for item in evidence:
        if item.index not in wanted:
            continue
        if item.doubt:
            found.append(item.doubt)
        elif item.expected_here and item.changed_ml < item.least_ml:
            name = item.name or name_of(item.index)
            found.append(f"only {item.changed_ml:.1f} ml changed at the {name}")
    return Verdict(Decision.REVIEW, tuple(found)) if found else Verdict(Decision.PASS)
