"""Deface files: the Python call and what the command for one file runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from bids_deface.assurance.verdict import Decision
from bids_deface.case import Fill, find_features
from bids_deface.checked_save import save_defaced
from bids_deface.containers.extensions import without_names
from bids_deface.containers.load import load_volume, voxel_count
from bids_deface.containers.names import check_suffix, container_of, files_of
from bids_deface.containers.save import save_volume
from bids_deface.corrections_file import correction_of, read_corrections
from bids_deface.deface import deface_volume
from bids_deface.detection.carried import ReferenceHead
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.detection.corrected import with_correction
from bids_deface.detection.corrections import Correction
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.session import SessionFeatures
from bids_deface.detection.source import FeatureSource
from bids_deface.errors import (
    DefaceError,
    ImageError,
    OutputError,
    ReviewNeededError,
    UsageError,
)
from bids_deface.kinds import Container
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume, canonical_affine, canonical_view, one_image

PathLike = str | os.PathLike[str]


def deface_file(
    path: Path,
    settings: DefaceSettings,
    source: FeatureSource,
    *,
    keep_extensions: bool = False,
    fill: Fill = "tissue",
) -> DefaceResult:
    """Load and deface one file; errors name it.

    Parameters
    ----------
    path
        The scan.
    settings
        Features and methods.
    source
        Where the features are.
    keep_extensions
        Keep header extensions that can hold names.
    fill
        See :func:`bids_deface.deface.deface_volume`.

    Raises
    ------
    DefaceError
        The file cannot be read or judged.
    """
    volume = load_volume(path)
    if not keep_extensions:
        volume, notes = without_names(volume)
        volume = volume.with_notes(notes)
    try:
        return deface_volume(volume, settings, source, fill=fill)
    except ImageError as error:
        raise type(error)(f"{path}: {error.message}", error.hint) from error


def detect_file(
    path: Path, detector: FeatureSource, correction: Correction | None = None
) -> FeatureMap | ImageError:
    """Find the features of one file, or say why there are none to be found.

    Parameters
    ----------
    path
        The scan.
    detector
        Finds them.
    correction
        What a reviewer says of them.

    Raises
    ------
    DefaceError
        The file cannot be read just now.
    """
    try:
        return find_features(load_volume(path), with_correction(detector, correction))[1]
    except ImageError as error:
        return error


def load_reference(
    name: str, path: Path, features: FeatureMap, *, one_scan: bool = False
) -> ReferenceHead:
    """Return an image of the session, with what is known of it, upright.

    Parameters
    ----------
    name
        How to call it in messages.
    path
        The image.
    features
        Of this image, as :func:`detect_file` returns them.
    one_scan
        See :class:`bids_deface.detection.carried.ReferenceHead`.

    Raises
    ------
    ImageError
        The image cannot be read any more; its place on this machine is not told.
    """
    try:
        volume = load_volume(path)
    except DefaceError as error:
        raise ImageError(f"{name}, whose regions were to be taken, cannot be read.") from error
    return reference_of(name, volume, features, one_scan=one_scan)


def reference_of(
    name: str, volume: Volume, features: FeatureMap, *, one_scan: bool = False
) -> ReferenceHead:
    """Return a volume that lends its regions to others; parameters as in `load_reference`."""
    world = features.turn @ volume.affine
    image = one_image(volume)
    view, affine = canonical_view(image, world), canonical_affine(image.shape, world)
    return ReferenceHead(name, features, view, affine, one_scan)


def deface_image(
    in_file: str | os.PathLike[str],
    out_file: str | os.PathLike[str],
    *,
    features: Iterable[str] | None = None,
    protocol: str = "default",
    level: str = "features",
    on_doubt: str = "review",
    mask_file: str | os.PathLike[str] | None = None,
    apply_to: Iterable[tuple[str | os.PathLike[str], str | os.PathLike[str]]] = (),
    model: str | os.PathLike[str] | None = None,
    methods: Mapping[str, str] | None = None,
    device: str = "cpu",
    random_seed: int | None = None,
    accept_doubt: bool = False,
    keep_extensions: bool = False,
    corrections: str | os.PathLike[str] | None = None,
    landmarks: bool = False,
    tell: Callable[[str], object] | None = None,
) -> DefaceResult:
    """Deface one scan.

    Parameters
    ----------
    in_file
        Head scan: ``.nii`` or ``.nii.gz``, a ``.hdr`` and ``.img`` pair (either name),
        ``.mgh`` or ``.mgz``.
    out_file
        Where the defaced scan goes, of the same kind; an existing file is replaced.
    features
        ``eyes``, ``nose``, ``ears``, ``mouth``, and what else the model knows; None takes all of
        the protocol's and all of the model's own.
    protocol
        ``default`` or ``jeong2020``.
    level
        ``features``, or ``face`` for the whole facial surface, brow to chin and ear to ear.
    on_doubt
        ``review``: see ``accept_doubt``. ``strict``: what is doubtful has failed. ``remove-face``:
        the face is taken off in front of the brain where that cures the doubt.
    mask_file
        Where the mask of what may have changed goes, if wanted: ``.nii`` or ``.nii.gz``.
    apply_to
        Pairs of other files of the same session and their outputs. Where features in one of them
        are doubtful or cut off, it gets the regions of ``in_file``, carried over through world
        coordinates.
    model
        Weights of the detector; None takes the package's own.
    methods
        How features are hidden that only this model knows (``flatten``, ``remove``, ``noise``),
        where not as its table says.
    device
        Torch device of the detector.
    random_seed
        Seed of the random fill, for tests only.
    accept_doubt
        Write the output though the verdict is REVIEW.
    keep_extensions
        Keep header extensions that can hold names (DICOM, comments and the like).
    corrections
        File (JSON) in which a reviewer says where regions are; it must name ``in_file``, and may
        name those of ``apply_to``. File names count, not folders.
    landmarks
        Estimate nasion and preauricular points; see ``DefaceResult.landmark_voxels``.
    tell
        Called with what is to be known of a file's header, in words.

    Returns
    -------
    DefaceResult
        The defaced volume, mask, regions and verdict.

    Raises
    ------
    DefaceError
        With ``exit_code`` and ``hint``. All files are judged before the first is written, so
        nothing is, unless the disk fails between two.
    """
    pairs = [(Path(a), Path(b)) for a, b in apply_to]
    mask_path = Path(mask_file) if mask_file is not None else None
    _check_targets([(Path(in_file), Path(out_file)), *pairs], mask_path)
    detector = FeatureDetector(Path(model) if model else DEFAULT_WEIGHTS, device)
    settings = DefaceSettings.of(
        features, protocol, random_seed, level, on_doubt, landmarks,
        table=detector.table, methods=methods,
    )  # fmt: skip
    paths = [Path(in_file), *(other for other, _ in pairs)]
    said = _corrections_for(paths, Path(corrections)) if corrections is not None else {}
    corrected = with_correction(detector, said.get(Path(in_file)))
    result = deface_file(Path(in_file), settings, corrected, keep_extensions=keep_extensions)
    _require_pass(result, Path(in_file), accept_doubt)
    scans = [(result, Path(out_file), Path(in_file))]
    notes = [f"{in_file}: {note}" for note in result.notes]
    lend = partial(load_reference, Path(in_file).name, Path(in_file), result.features)
    for other, other_out in pairs:
        its = said.get(other)
        source = SessionFeatures(
            detect_file(other, detector, its), (lend,), settings.labels, detector.sha256
        )
        also = deface_file(
            other, settings, with_correction(source, its), keep_extensions=keep_extensions
        )
        _require_pass(also, other, accept_doubt)
        scans.append((also, other_out, other))
        notes += [f"{other}: {note}" for note in also.notes]
    for done, path, source_path in scans:
        save_defaced(done, path, source_path)
    if mask_path is not None:
        save_volume(result.mask_volume, mask_path)
    if tell is not None:
        for note in notes:
            tell(note)
    return result


def _corrections_for(paths: list[Path], file: Path) -> dict[Path, Correction]:
    """Return the correction of each file that has one; the first must have one."""
    corrections = read_corrections(file)
    keys = {path: correction_of(corrections, path) for path in paths}
    if keys[paths[0]] is None:
        raise UsageError(
            f"{file} holds no correction of {paths[0].name}.",
            f"It names: {', '.join(corrections) or 'no image'}.",
        )
    return {path: corrections[key].load() for path, key in keys.items() if key is not None}


def _require_pass(result: DefaceResult, path: Path, accept_doubt: bool) -> None:
    """Raise unless the result may be written."""
    reasons = "; ".join(result.verdict.reasons)
    if result.verdict.decision is Decision.FAIL:
        raise DefaceError(f"{path}: {reasons}.")
    if result.verdict.decision is Decision.REVIEW and not accept_doubt:
        raise ReviewNeededError(
            f"{path} needs a human eye: {reasons}.",
            "Nothing was written; look at the scan and pass --accept-doubt to write it.",
        )


def _check_targets(pairs: list[tuple[Path, Path]], mask: Path | None) -> None:
    """Raise if an output would replace an input or another output, or is of another kind."""
    wanted = [(path, container_of(source), source.name) for source, path in pairs]
    wanted += [(mask, Container.NIFTI, "the mask")] if mask is not None else []
    taken = {file.resolve() for source, _ in pairs for file in files_of(source)}
    for source, _ in pairs:
        # A file of a foreign kind is told before its output's name is judged.
        voxel_count(source)
    for path, kind, name in wanted:
        files = {file.resolve() for file in files_of(path)}
        if files & taken:
            raise OutputError(f"{path} is an input or named twice; it is never overwritten.")
        taken |= files
        container = kind or Container.NIFTI
        check_suffix(path, container, f"{name} is {container}")
