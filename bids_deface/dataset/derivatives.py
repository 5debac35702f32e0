"""Write the derivatives: images with sidecars, records."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bids_deface.assurance.verdict import Decision
from bids_deface.containers.files import write_whole
from bids_deface.containers.leftovers import drop_leftovers
from bids_deface.dataset.names import SURFACE, OutputNames
from bids_deface.dataset.sidecars import dseg_sidecar, image_sidecar, label_table, mask_sidecar
from bids_deface.errors import OutputError
from bids_deface.kinds import PRIVATE
from bids_deface.textfiles import read_json

BIDS_VERSION = "1.10.0"
#: Pictures of an image, by what they show; those of the original have a prefix.
PICTURES = ("regions", "defaced", SURFACE, "head", "after")
ORIGINAL = "original"


@dataclass(frozen=True)
class Produced:
    """Files of one image as they come out of the workflow; None where there is none.

    Attributes
    ----------
    image, mask, dseg
        NIfTI files in the work folder.
    figures, private_figures
        Picture name (``regions``, ``defaced`` ...) to file.
    """

    image: Path | None = None
    mask: Path | None = None
    dseg: Path | None = None
    figures: Mapping[str, Path] | None = None
    private_figures: Mapping[str, Path] | None = None


def check_output_dir(bids_dir: Path, output_dir: Path) -> None:
    """Refuse an output folder that would change the input, or cannot be written.

    ``<bids_dir>/derivatives/<name>`` is allowed: BIDS foresees it.

    Raises
    ------
    OutputError
        With the remedy.
    """
    raw, out = bids_dir.resolve(), output_dir.resolve()
    inside = out == raw or raw in out.parents
    if inside and (raw / "derivatives") not in out.parents:
        raise OutputError(
            f"The output folder {output_dir} lies inside the input dataset.",
            f"Choose a folder outside it, or {bids_dir}/derivatives/bids-deface.",
        )
    if out in raw.parents:
        raise OutputError(f"The output folder {output_dir} contains the input dataset.")
    existing = read_json(out / "dataset_description.json")
    makers = [str(g.get("Name")) for g in existing.get("GeneratedBy", []) if isinstance(g, dict)]
    if existing and "bids-deface" not in makers:
        raise OutputError(f"The output folder {output_dir} holds another dataset.")


def make_output_dir(output_dir: Path) -> None:
    """Make the output folder and see that it can be written.

    Raises
    ------
    OutputError
        It cannot.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise OutputError(
            f"The output folder {output_dir} cannot be written: {error.strerror}."
        ) from error


def drop_leftovers_of(output_dir: Path, subjects: Iterable[str]) -> None:
    """Remove what killed runs left half-written; other runs may be at other subjects.

    Parameters
    ----------
    output_dir
        Derivatives folder.
    subjects
        Labels without ``sub-``, of this run alone.
    """
    private = output_dir / PRIVATE
    for shared in ("", "logs", "logs/images", "figures/group", PRIVATE):
        drop_leftovers(output_dir / shared)
    for subject in subjects:
        for root in (output_dir, private, private / "review"):
            drop_leftovers(root / f"sub-{subject}", deep=True)


def store_image(
    names: OutputNames,
    source: str,
    raw_sidecar: Mapping[str, Any],
    produced: Produced,
    result: dict[str, Any],
) -> Path:
    """Bring one image's files to their places, each whole or not at all.

    PASS goes to the derivatives, REVIEW to the private folder, FAIL nowhere; the record of the
    decision is written last, so that it is never there without its files.

    Parameters
    ----------
    names
        Where things go.
    source
        Path of the raw image within its dataset.
    raw_sidecar
        Metadata of the raw image.
    produced
        Files in the work folder.
    result
        Record of the decision; ``Files`` is added.

    Returns
    -------
    Path
        The record.
    """
    remove_old(names)
    try:
        files = _store_files(names, source, raw_sidecar, produced, result)
    except BaseException:
        remove_old(names)
        raise
    write_json(names.result, {**result, "Files": files})
    return names.result


def _store_files(
    names: OutputNames,
    source: str,
    raw_sidecar: Mapping[str, Any],
    produced: Produced,
    result: Mapping[str, Any],
) -> list[str]:
    """Write what the verdict allows; return the files relative to the derivatives."""
    decision = Decision(result["Verdict"])
    files: list[str] = []
    if decision is Decision.PASS:
        files += _store_shareable(names, source, raw_sidecar, produced, result)
    elif decision is Decision.REVIEW and produced.image is not None:
        review = names.review_folder
        for name, path in (
            (names.relative_image, produced.image),
            (names.relative_mask, produced.mask),
            (names.relative_dseg, produced.dseg),
        ):
            if path is not None:
                target = review / name
                write_whole(target, path.read_bytes())
                files.append(target.relative_to(names.output_dir).as_posix())
    # A result in doubt may still show the face: then none of its pictures is for sharing.
    shared = names.figures if decision is Decision.PASS else names.private_figures
    for folder, prefix, pictures in (
        (shared, "", produced.figures),
        (names.private_figures, ORIGINAL, produced.private_figures),
    ):
        for what, path in (pictures or {}).items():
            target = folder / names.figure(prefix + what)
            write_whole(target, path.read_bytes())
            files.append(target.relative_to(names.output_dir).as_posix())
    return files


def remove_old(names: OutputNames) -> None:
    """Take back what an earlier run wrote for this image, also a killed one: record first."""
    old = read_json(names.result).get("Files", [])
    names.result.unlink(missing_ok=True)
    root = names.output_dir.resolve()
    images = (names.relative_image, names.relative_mask, names.relative_dseg)
    fixed = [n.removesuffix(".nii.gz") + s for n in images for s in (".nii.gz", ".json", ".tsv")]
    drawn = [
        folder / names.figure(prefix + what)
        for folder in (names.figures, names.private_figures)
        for prefix in ("", ORIGINAL)
        for what in PICTURES
    ]
    drawn += [names.review_folder / name for name in images]
    fixed += [path.relative_to(names.output_dir).as_posix() for path in drawn]
    for name in {*old, *fixed, *names.relative_companions}:
        path = (names.output_dir / name).resolve()
        if root in path.parents:
            path.unlink(missing_ok=True)


def _store_shareable(
    names: OutputNames,
    source: str,
    raw_sidecar: Mapping[str, Any],
    produced: Produced,
    result: Mapping[str, Any],
) -> list[str]:
    sidecars = {
        names.relative_image: (produced.image, image_sidecar(source, raw_sidecar, result)),
        names.relative_mask: (produced.mask, mask_sidecar(source)),
        names.relative_dseg: (produced.dseg, dseg_sidecar(source)),
    }
    files = []
    for name, (path, sidecar) in sidecars.items():
        if path is None:
            raise OutputError(f"{source}: the workflow made no {name}.")
        json_name = name.removesuffix(".nii.gz") + ".json"
        write_json(names.output_dir / json_name, sidecar)
        files += [json_name, name]
        if name == names.relative_dseg:
            table = name.removesuffix(".nii.gz") + ".tsv"
            write_text(names.output_dir / table, label_table(result))
            files.append(table)
        write_whole(names.output_dir / name, path.read_bytes())
    for name, companion in names.relative_companions.items():
        write_whole(names.output_dir / name, companion.read_bytes())
        files.append(name)
    return files


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text whole or not at all."""
    # Half a surrogate pair, which JSON can hold and UTF-8 cannot, stays the escape that it was.
    write_whole(path, content.encode("utf-8", "backslashreplace"))
