"""Nipype node that defaces one image."""

from __future__ import annotations

import json
import time
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

from bids_deface.containers.names import USUAL_SUFFIX
from bids_deface.containers.save import save_volume
from bids_deface.deface import DefaceSettings
from bids_deface.deface_file import deface_file
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.errors import ImageError, NoInputError
from bids_deface.record import failure_record, success_record


class DefaceInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Inputs of :class:`Deface`."""

    in_file = File(mandatory=True, desc="head scan; may turn out to be unreadable")
    model = File(desc="weights file; the one of the package if unset")
    source = traits.Str("", usedefault=True, desc="its name in records and messages")
    features = traits.List(traits.Str(), desc="features to hide; all of the protocol's if unset")
    protocol = traits.Str("default", usedefault=True, desc="set of methods")
    keep_extensions = traits.Bool(False, usedefault=True, desc="keep those that can hold names")
    random_seed = traits.Int(desc="seed of the random fill", nohash=True)
    device = traits.Str("cpu", usedefault=True, desc="torch device of the detector")
    use_gpu = traits.Bool(False, usedefault=True, nohash=True, desc="tells nipype of the GPU")
    num_threads = traits.Int(1, usedefault=True, nohash=True, desc="CPU threads")


class DefaceOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Outputs of :class:`Deface`; files are undefined for an image that cannot be defaced."""

    out_result = File(desc="record of the decision (JSON)")
    out_file = File(desc="defaced scan")
    out_mask = File(desc="mask of changed voxels, 1 = changed")
    out_dseg = File(desc="regions")
    threshold = traits.Float(desc="intensity of the head's surface")
    turn = traits.List(desc="4x4 rows, from the header's world to the upright one")


class Deface(SimpleInterface):  # type: ignore[misc]
    """Detect, distort and check one image; a bad image is an answer, not a crash."""

    input_spec = DefaceInputSpec
    output_spec = DefaceOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        from bids_deface.detection.detector import FeatureDetector

        inputs, folder, began = self.inputs, Path(runtime.cwd), time.monotonic()
        features = inputs.features if isdefined(inputs.features) else None
        seed = inputs.random_seed if isdefined(inputs.random_seed) else None
        settings = DefaceSettings.of(features, inputs.protocol, seed)
        detector = FeatureDetector(
            weights=Path(inputs.model) if isdefined(inputs.model) else DEFAULT_WEIGHTS,
            device=inputs.device,
            num_threads=inputs.num_threads,
        )
        source = inputs.source or Path(inputs.in_file).name
        try:
            result = deface_file(
                Path(inputs.in_file), settings, detector, keep_extensions=inputs.keep_extensions
            )
        except (ImageError, NoInputError) as error:
            record = failure_record(source, str(Path(inputs.in_file)), settings, error)
        else:
            record = success_record(source, settings, result)
            for name, volume in {
                "out_file": result.volume,
                "out_mask": result.mask_volume,
                "out_dseg": result.dseg_volume,
            }.items():
                suffix = USUAL_SUFFIX[volume.container]
                self._results[name] = str(folder / f"{name.removeprefix('out_')}{suffix}")
                save_volume(volume, Path(self._results[name]))
            self._results["threshold"] = result.features.threshold
            self._results["turn"] = result.features.turn.tolist()
        record["Seconds"] = round(time.monotonic() - began, 2)
        self._results["out_result"] = str(folder / "result.json")
        Path(self._results["out_result"]).write_text(json.dumps(record), encoding="utf-8")
        return runtime
