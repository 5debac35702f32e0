"""What the nodes that may run the detector have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nipype.interfaces.base import BaseInterfaceInputSpec, File, isdefined, traits

from bids_deface.detection.checksum import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector


class DetectorInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Inputs of a node that may run the detector."""

    in_file = File(mandatory=True, desc="head scan; may turn out to be unreadable")
    model = File(desc="weights file; the one of the package if unset")
    device = traits.Str("cpu", usedefault=True, desc="torch device of the detector")
    use_gpu = traits.Bool(False, usedefault=True, nohash=True, desc="tells nipype of the GPU")
    num_threads = traits.Int(1, usedefault=True, nohash=True, desc="CPU threads")
    correction = traits.Str(
        "", usedefault=True, desc="what a reviewer says of its regions (ImageCorrection.as_text)"
    )


def weights_of(inputs: Any) -> Path:
    """Return the weights file that a node is to use."""
    return Path(inputs.model) if isdefined(inputs.model) else DEFAULT_WEIGHTS


def detector_of(inputs: Any) -> FeatureDetector:
    """Return the detector that a node is to use; torch is loaded here, not before."""
    from bids_deface.detection.detector import FeatureDetector

    return FeatureDetector(weights_of(inputs), inputs.device, inputs.num_threads)
