"""Nipype node that draws the quality pictures of one image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from bids_deface.anatomy import LABELS
from bids_deface.detection.featuremap import FeatureMap, load_features
from bids_deface.detection.turns import UPRIGHT
from bids_deface.reports.pictures import draw_pictures


class PlotInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Inputs of :class:`PlotPictures`."""

    original = File(mandatory=True, desc="head scan before defacing")
    in_file = File(desc="defaced scan; nothing is drawn without it")
    in_mask = File(desc="mask of what may have changed")
    in_dseg = File(desc="regions, as they are shared")
    in_features = File(desc="what is known of the image: exact regions, for private pictures")
    threshold = traits.Float(desc="intensity of the head's surface; unset: it shows none")
    turn = traits.List(desc="4x4 rows, from the header's world to the upright one; none if unset")


class PlotOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Outputs of :class:`PlotPictures`."""

    figures = traits.Dict(desc="picture name to file; may be shared")
    private_figures = traits.Dict(desc="picture name to file; shows the original face")


class PlotPictures(SimpleInterface):  # type: ignore[misc]
    """Draw regions on slices and the shaded head."""

    input_spec = PlotInputSpec
    output_spec = PlotOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        self._results["figures"], self._results["private_figures"] = {}, {}
        if isdefined(inputs.in_file):
            known = (
                load_features(Path(inputs.in_features)) if isdefined(inputs.in_features) else None
            )
            shared, private = draw_pictures(
                original=Path(inputs.original),
                defaced=Path(inputs.in_file),
                mask=Path(inputs.in_mask),
                dseg=Path(inputs.in_dseg),
                threshold=inputs.threshold if isdefined(inputs.threshold) else None,
                turn=np.array(inputs.turn) if isdefined(inputs.turn) else UPRIGHT,
                folder=Path(runtime.cwd),
                regions=known.dseg if isinstance(known, FeatureMap) else None,
                known=known.table.all_labels if isinstance(known, FeatureMap) else LABELS,
            )
            self._results["figures"] = {name: str(path) for name, path in shared.items()}
            self._results["private_figures"] = {n: str(path) for n, path in private.items()}
        return runtime
