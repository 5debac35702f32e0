"""Nipype node that finds the features of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from bids_deface.deface_file import detect_file
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.detection.featuremap import save_features
from bids_deface.errors import ImageError, NoInputError


class DetectInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Inputs of :class:`DetectFeatures`."""

    in_file = File(mandatory=True, desc="head scan; may turn out to be unreadable")
    model = File(desc="weights file; the one of the package if unset")
    device = traits.Str("cpu", usedefault=True, desc="torch device of the detector")
    use_gpu = traits.Bool(False, usedefault=True, nohash=True, desc="tells nipype of the GPU")
    num_threads = traits.Int(1, usedefault=True, nohash=True, desc="CPU threads")


class DetectOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Outputs of :class:`DetectFeatures`."""

    out_features = File(desc="what is known of the image, or why nothing is (npz)")


class DetectFeatures(SimpleInterface):  # type: ignore[misc]
    """Find the features of one image for itself and for others of its session."""

    input_spec = DetectInputSpec
    output_spec = DetectOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        from bids_deface.detection.detector import FeatureDetector

        inputs = self.inputs
        detector = FeatureDetector(
            weights=Path(inputs.model) if isdefined(inputs.model) else DEFAULT_WEIGHTS,
            device=inputs.device,
            num_threads=inputs.num_threads,
        )
        try:
            features = detect_file(Path(inputs.in_file), detector)
        except NoInputError as error:
            features = ImageError(error.message, error.hint)
        self._results["out_features"] = str(Path(runtime.cwd) / "features.npz")
        save_features(features, Path(self._results["out_features"]))
        return runtime
