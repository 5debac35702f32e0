"""``bids-deface-train labels``: what the detector sees, as label maps to correct."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bids_deface.cli.values import positive_int
from bids_deface.errors import DefaceError, NoInputError

if TYPE_CHECKING:
    from bids_deface.feature_table import FeatureTable
    from bids_deface.training.labelling import DrawnLabels

Row = dict[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = (
        "Write label maps to correct in ITK-SNAP, FSLeyes or 3D Slicer, and to train on. They "
        "outline faces: keep OUT private."
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a scan, or a BIDS dataset")
    parser.add_argument("out", type=Path, metavar="OUT", help="private folder, in no dataset")
    parser.add_argument("--model", type=Path, metavar="FILE", help="weights (default: shipped)")
    parser.add_argument(
        "--table", type=Path, metavar="FILE.toml", help="features to draw by hand, too"
    )
    parser.add_argument(
        "--participant-label", nargs="+", default=(), metavar="LABEL", help="of the dataset"
    )
    parser.add_argument(
        "-m", "--modalities", nargs="+", default=("T1w",), metavar="SUFFIX",
        help="of the dataset (default: T1w)",
    )  # fmt: skip
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=positive_int, help="CPU threads")


def write_labels(args: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    from bids_deface.detection.checksum import DEFAULT_WEIGHTS
    from bids_deface.detection.model_file import read_feature_table
    from bids_deface.feature_table import FeatureTable
    from bids_deface.training.labelled import checked, read_feature_toml
    from bids_deface.training.labelling import draw_for_correction, require_private_place

    require_private_place(args.out)
    table = read_feature_table(args.model)
    if args.table:
        # What the weights know has their labels; the rest of the table is for the person to draw.
        wanted = read_feature_toml(args.table).features
        new = (feature for feature in wanted if feature.name not in table.names)
        table = checked(FeatureTable((*table.features, *new)), args.table)
    images = [*_images(args)]

    from bids_deface.detection.detector import FeatureDetector

    detector = FeatureDetector(args.model or DEFAULT_WEIGHTS, args.device, args.threads)
    _write_tables(args.out, table)
    known = {row["label"]: row for row in _known_rows(args.out)}
    failed = 0
    for image, label, head in images:
        place = label.relative_to(args.out).as_posix()
        if label.exists():
            sys.stdout.write(f"{label}: kept, for it may be corrected already\n")
            continue
        try:
            drawn = draw_for_correction(image, detector)
        except DefaceError as error:
            failed += 1
            sys.stderr.write(f"{error}\n")
            continue
        _save(drawn, label)
        split = "val" if len(known) % 5 == 4 else "train"
        source = os.path.relpath(image.resolve(), args.out.resolve())
        known[place] = {
            "head": head, "split": split, "image": source, "label": place,
            "visible": drawn.visible,
        }  # fmt: skip
        _write_rows(args.out, list(known.values()))
        look = f"; look at: {'; '.join(drawn.doubts)}" if drawn.doubts else ""
        sys.stdout.write(f"{label}: written{look}\n")
    sys.stdout.write(f"{args.out} outlines faces: keep it private.\n")
    return 1 if failed else 0


def _images(args: argparse.Namespace) -> Iterator[tuple[Path, Path, str]]:
    """Yield each scan, where its label map goes, and its name."""
    from bids_deface.containers.names import split_name

    source: Path = args.source
    if source.is_file():
        name = split_name(source)[0]
        yield source, args.out / f"{name}_dseg.nii.gz", name
        return
    if not source.is_dir():
        raise NoInputError(f"{source} does not exist.")
    from bids_deface.dataset.filters import Filters
    from bids_deface.dataset.layout import open_layout
    from bids_deface.dataset.query import find_images

    labels = tuple(label.removeprefix("sub-") for label in args.participant_label)
    filters = Filters(participants=labels, suffixes=tuple(args.modalities))
    for record in find_images(open_layout(source.absolute()), filters):
        entities = record.stem.removesuffix(f"_{record.suffix}")
        name = f"{entities}_desc-labels{record.suffix}_dseg.nii.gz"
        yield record.path, args.out / Path(record.relative).parent / name, record.stem


def _write_tables(out: Path, table: FeatureTable) -> None:
    """Write what names and colours the labels, and what keeps people from sharing them."""
    from bids_deface.containers.files import write_whole
    from bids_deface.training.label_files import PROGRAMS, label_files
    from bids_deface.training.labelling import README

    for name, text in label_files(table.all_labels).items():
        write_whole(out / name, text.encode())
    programs = "\n".join(f"* {name}: {program}" for name, program in PROGRAMS.items())
    write_whole(out / "README", README.format(programs=programs).encode())


def _save(drawn: DrawnLabels, label: Path) -> None:
    from bids_deface.containers.save import save_volume

    save_volume(drawn.volume, label)


def _known_rows(out: Path) -> list[Row]:
    """Return the rows of an earlier run, as a person may have changed them."""
    from bids_deface.textfiles import read_rows
    from bids_deface.training.labelled import COLUMNS, TABLE_NAME

    path = out / TABLE_NAME
    return read_rows(path, (*COLUMNS, "visible"), "") if path.is_file() else []


def _write_rows(out: Path, rows: list[Row]) -> None:
    from bids_deface.containers.files import write_whole
    from bids_deface.textfiles import table_text
    from bids_deface.training.labelled import COLUMNS, TABLE_NAME

    names = (*COLUMNS, "visible")
    text = table_text(names, ([row[name] for name in names] for row in rows))
    write_whole(out / TABLE_NAME, text.encode("utf-8", "surrogateescape"))
