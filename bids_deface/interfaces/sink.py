"""Nipype node that brings results to their place in the derivatives."""

from __future__ import annotations

import json
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

from bids_deface.dataset.derivatives import Produced, store_image
from bids_deface.dataset.plan import PlannedImage


class StoreInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Inputs of :class:`StoreDerivatives`."""

    planned = traits.Instance(PlannedImage, mandatory=True, nohash=True, desc="the planned image")
    in_result = File(exists=True, mandatory=True, desc="record of the decision")
    in_file = File(desc="defaced scan")
    in_mask = File(desc="mask of what may have changed")
    in_dseg = File(desc="regions")
    figures = traits.Dict(desc="pictures to share")
    private_figures = traits.Dict(desc="pictures of the original")


class StoreOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Outputs of :class:`StoreDerivatives`."""

    out_result = File(desc="record in the derivatives folder")


class StoreDerivatives(SimpleInterface):  # type: ignore[misc]
    """Copy one image's results into the derivatives, whole or not at all."""

    input_spec = StoreInputSpec
    output_spec = StoreOutputSpec
    _always_run = True

    def _run_interface(self, runtime: Any) -> Any:
        inputs, planned = self.inputs, self.inputs.planned
        record = json.loads(Path(inputs.in_result).read_text(encoding="utf-8"))
        produced = Produced(
            image=_path(inputs.in_file),
            mask=_path(inputs.in_mask),
            dseg=_path(inputs.in_dseg),
            figures=_paths(inputs.figures),
            private_figures=_paths(inputs.private_figures),
        )
        stored = store_image(
            planned.names,
            planned.record.relative,
            planned.record.sidecar,
            produced,
            {**record, "Fingerprint": planned.fingerprint},
        )
        self._results["out_result"] = str(stored)
        return runtime


def _path(value: Any) -> Path | None:
    return Path(value) if isdefined(value) else None


def _paths(value: Any) -> dict[str, Path]:
    return {name: Path(path) for name, path in value.items()} if isdefined(value) else {}
