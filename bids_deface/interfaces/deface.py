"""Nipype node that defaces one image."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from bids_deface.assurance.verdict import Decision
from bids_deface.checked_save import save_defaced
from bids_deface.containers.names import USUAL_SUFFIX
from bids_deface.containers.save import save_volume
from bids_deface.corrections_file import load_correction
from bids_deface.deface_file import deface_file, load_reference
from bids_deface.detection.checksum import verify
from bids_deface.detection.corrected import with_correction
from bids_deface.detection.featuremap import FeatureMap, load_features, save_features
from bids_deface.detection.model_file import read_feature_table
from bids_deface.detection.session import SessionFeatures
from bids_deface.detection.source import FeatureSource
from bids_deface.errors import ImageError, NoInputError
from bids_deface.interfaces.detector import DetectorInputSpec, detector_of, weights_of
from bids_deface.kinds import Level, OnDoubt
from bids_deface.record import failure_record, success_record
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings, Seed
from bids_deface.volume import Volume


class DefaceInputSpec(DetectorInputSpec):
    """Inputs of :class:`Deface`."""

    source = traits.Str("", usedefault=True, desc="its name in records and messages")
    features = traits.List(traits.Str(), desc="features to hide; all of the protocol's if unset")
    methods = traits.Dict(
        traits.Str(), traits.Str(), usedefault=True, desc="how the model's own features are hidden"
    )
    protocol = traits.Str("default", usedefault=True, desc="set of methods")
    level = traits.Enum(*map(str, Level), usedefault=True, desc="features, or the whole face")
    on_doubt = traits.Enum(*map(str, OnDoubt), usedefault=True, desc="what to do in doubt")
    keep_extensions = traits.Bool(False, usedefault=True, desc="keep those that can hold names")
    landmarks = traits.Bool(False, usedefault=True, desc="estimate NAS, LPA and RPA")
    random_seed = traits.Instance(Seed, desc="seed of the random fill", nohash=True)
    in_features = File(desc="what DetectFeatures knows of the image; detected here if unset")
    inherit = traits.Bool(False, usedefault=True, desc="take the regions of a reference anyhow")
    shows_tissue = traits.Bool(True, usedefault=True, desc="whether the image shows the skin")
    one_scan = traits.Bool(False, usedefault=True, desc="the first reference is of the same scan")
    fill = traits.Enum("tissue", "uniform", usedefault=True, desc="what replaces a feature")
    reference_names = traits.List(traits.Str(), desc="other images of the session, best first")
    reference_files = traits.List(File(), desc="these images")
    reference_features = traits.List(File(), desc="what is known of them")


class DefaceOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Outputs of :class:`Deface`; files are undefined for an image that cannot be defaced."""

    out_result = File(desc="record of the decision (JSON)")
    out_file = File(desc="defaced scan")
    out_mask = File(desc="mask, 1 = may have changed")
    out_dseg = File(desc="regions, as they may be shared")
    threshold = traits.Float(desc="intensity of the head's surface")
    turn = traits.List(desc="4x4 rows, from the header's world to the upright one")
    out_features = File(desc="what is known of the image, for others of its family")


class Deface(SimpleInterface):  # type: ignore[misc]
    """Detect, distort and check one image; a bad image is an answer, not a crash."""

    input_spec = DefaceInputSpec
    output_spec = DefaceOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs, folder, began = self.inputs, Path(runtime.cwd), time.monotonic()
        chosen = inputs.features if isdefined(inputs.features) else None
        seed = inputs.random_seed if isdefined(inputs.random_seed) else None
        settings = DefaceSettings.of(
            chosen, inputs.protocol, seed, inputs.level, inputs.on_doubt, inputs.landmarks,
            table=read_feature_table(weights_of(inputs)), methods=dict(inputs.methods),
        )  # fmt: skip
        source, in_file = inputs.source or Path(inputs.in_file).name, Path(inputs.in_file)
        known: FeatureMap | ImageError
        try:
            features = with_correction(
                self._features(settings), load_correction(inputs.correction)
            )
            result = deface_file(
                in_file, settings, features,
                keep_extensions=inputs.keep_extensions, fill=inputs.fill,
            )  # fmt: skip
        except (ImageError, NoInputError) as error:
            record = failure_record(source, str(in_file), settings, error)
            known = ImageError(error.message, error.hint)
        else:
            record, known = success_record(source, settings, result), result.features
            if result.verdict.decision is not Decision.FAIL:
                self._save_images(result, in_file, folder)
        self._results["out_features"] = str(folder / "features.npz")
        save_features(known, Path(self._results["out_features"]))
        record["Seconds"] = round(time.monotonic() - began, 2)
        self._results["out_result"] = str(folder / "result.json")
        Path(self._results["out_result"]).write_text(json.dumps(record), encoding="utf-8")
        return runtime

    def _save_images(self, result: DefaceResult, in_file: Path, folder: Path) -> None:
        def place(name: str, volume: Volume) -> Path:
            path = folder / f"{name}{USUAL_SUFFIX[volume.container]}"
            self._results[f"out_{name}"] = str(path)
            return path

        save_defaced(result, place("file", result.volume), in_file)
        for name, volume in (("mask", result.mask_volume), ("dseg", result.dseg_volume)):
            save_volume(volume, place(name, volume))
        if result.features.surface is None:
            self._results["threshold"] = result.features.threshold
        self._results["turn"] = result.features.turn.tolist()

    def _features(self, settings: DefaceSettings) -> FeatureSource:
        """Return where the features come from: the detector, or what is known of the session."""
        inputs = self.inputs
        if not isdefined(inputs.in_features) and not inputs.inherit:
            return detector_of(inputs)
        known = zip(
            *(
                value if isdefined(value) else []
                for value in (
                    inputs.reference_names, inputs.reference_files, inputs.reference_features
                )
            ),
            strict=True,
        )  # fmt: skip
        loaded = [(name, Path(file), load_features(Path(npz))) for name, file, npz in known]
        return SessionFeatures(
            own=None if inputs.inherit else load_features(Path(inputs.in_features)),
            references=[
                partial(load_reference, name, file, features, one_scan=inputs.one_scan and not n)
                for n, (name, file, features) in enumerate(loaded)
                if isinstance(features, FeatureMap)
            ],
            wanted=settings.labels,
            sha256=verify(weights_of(inputs)),
            shows_tissue=inputs.shows_tissue,
        )
