"""How far estimated landmarks lie from labelled ones; with ``--fit``, learn them first.

    python benchmarks/landmarks.py HEADS [--fit] [--splits val external]

HEADS is a folder with ``heads.tsv`` (columns head, split, image, landmarks, visible) and, for each
head, a JSON file of landmarks in world mm. ``--fit`` learns from the split ``train`` and writes
``bids_deface/detection/landmarks.toml`` anew.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bids_deface.case import find_features
from bids_deface.containers.load import load_volume
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.landmark_model import MODEL, NAMES
from bids_deface.detection.landmarks import estimate_landmarks
from bids_deface.training.landmark_fit import LabelledHead, as_toml, fit_landmarks
from bids_deface.volume import canonical_affine, canonical_view

#: Name in the files, and what must be seen for the label to be more than a guess.
LABELS = {"NAS": ("nasion", "eyes"), "LPA": ("lpa", "ear_left"), "RPA": ("rpa", "ear_right")}
ABOUT = "Made by benchmarks/landmarks.py --fit from {n} heads of IXI (CC BY-SA 3.0); frame mm."


def labelled_heads(folder: Path, split: str) -> Iterator[tuple[str, LabelledHead]]:
    """Yield name and head, with what the detector says of it."""
    detector = FeatureDetector()
    with (folder / "heads.tsv").open(encoding="utf-8") as table:
        rows = [r for r in csv.DictReader(table, delimiter="\t") if r["split"] == split]
    for row in rows:
        volume = load_volume(folder / row["image"])
        image, features = find_features(volume, detector)
        world = features.turn @ volume.affine
        known = json.loads((folder / row["landmarks"]).read_text())
        landmarks = {
            name: features.turn[:3, :3] @ known["landmarks"][key] + features.turn[:3, 3]
            for name, (key, shown) in LABELS.items()
            if known["visible"].get(shown) != "absent"
        }
        view, affine = canonical_view(image, world), canonical_affine(image.shape, world)
        yield row["head"], LabelledHead(view, affine, features, landmarks)


def main() -> None:
    """Print a table for each split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("heads", type=Path)
    parser.add_argument("--fit", action="store_true", help="learn from the split train first")
    parser.add_argument("--splits", nargs="+", default=["val", "external"])
    parser.add_argument("--each", action="store_true", help="print each head, too")
    args = parser.parse_args()
    model = None
    if args.fit:
        heads = [head for _, head in labelled_heads(args.heads, "train")]
        model = fit_landmarks(heads)
        MODEL.write_text(as_toml(model, ABOUT.format(n=len(heads))), encoding="utf-8")
    print(
        "| split | landmark | labelled | estimated | median, mm | 90 % | written | median | most |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for split in args.splits:
        errors: dict[str, list[tuple[float, bool]]] = {name: [] for name in NAMES}
        for name, head in labelled_heads(args.heads, split):
            found = {m.name: m for m in estimate_landmarks(head.image, head.affine, head.features)}
            for key, place in head.landmarks.items():
                mark = found.get(key)
                off = np.linalg.norm(np.array(mark.place_mm) - place) if mark else np.inf
                errors[key].append((float(off), bool(mark and mark.is_sure)))
                if args.each:
                    print(f"# {name} {key} {off:.1f} {mark.confidence if mark else 0}")
        for key, pairs in errors.items():
            every = [off for off, _ in pairs if np.isfinite(off)]
            sure = [off for off, is_sure in pairs if is_sure]
            told = f"{np.median(sure):.1f} | {max(sure):.1f}" if sure else "- | -"
            print(
                f"| {split} | {key} | {len(pairs)} | {len(every)} | {np.median(every):.1f} | "
                f"{np.percentile(every, 90):.1f} | {len(sure)} | {told} |"
            )


if __name__ == "__main__":
    main()
