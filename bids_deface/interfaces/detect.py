"""Nipype node that finds the features of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, SimpleInterface, TraitedSpec

from bids_deface.corrections_file import load_correction
from bids_deface.deface_file import detect_file
from bids_deface.detection.featuremap import save_features
from bids_deface.errors import ImageError, NoInputError
from bids_deface.interfaces.detector import DetectorInputSpec, detector_of


class DetectOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Outputs of :class:`DetectFeatures`."""

    out_features = File(desc="what is known of the image, or why nothing is (npz)")


class DetectFeatures(SimpleInterface):  # type: ignore[misc]
    """Find the features of one image for itself and for others of its session."""

    input_spec = DetectorInputSpec
    output_spec = DetectOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        try:
            features = detect_file(
                Path(self.inputs.in_file),
                detector_of(self.inputs),
                load_correction(self.inputs.correction),
            )
        except (ImageError, NoInputError) as error:
            features = ImageError(error.message, error.hint)
        self._results["out_features"] = str(Path(runtime.cwd) / "features.npz")
        save_features(features, Path(self._results["out_features"]))
        return runtime
