"""How often attackers match defaced heads, over several draws of what is drawn by chance.

    python benchmarks/identity_draws.py --heads HEADS [--draws 4] [--recogniser] [--gallery train]

One head of 25 is 4 points, and the bumps of `--level features` are drawn anew each time: one run
of benchmarks/validate.py says little. Every validation head is defaced ``--draws`` times and
looked for among all validation heads; with ``--gallery``, also among these and the heads of
another split. Defaced copies stay in a temporary folder; rates are all that is printed.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bids_deface.assurance.identity import HeadPrint, Person, identity_test
from bids_deface.assurance.matching import Rate
from bids_deface.checked_save import save_defaced
from bids_deface.cohort import Pair, load_person, load_stranger
from bids_deface.deface_file import deface_file
from bids_deface.detection.detector import FeatureDetector
from bids_deface.settings import DefaceSettings

_TOOLS: list[tuple[FeatureDetector, Any | None]] = []


def main() -> None:
    """Print the rates of all draws together, each with its range over the draws."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--level", default="features")
    parser.add_argument("--recogniser", action="store_true", help="as in bids-deface-evaluate")
    parser.add_argument("--gallery", metavar="SPLIT", help="whose heads are in the gallery, too")
    args = parser.parse_args()
    with (args.heads / "heads.tsv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file, delimiter="\t"))
    rows = [row for row in listed if row["split"] == "val"]
    others = [args.heads / row["image"] for row in listed if row["split"] == args.gallery]
    if args.gallery and (args.gallery == "val" or not others):
        parser.error(f"no heads beside the validation heads are of the split {args.gallery!r}")
    spawn = multiprocessing.get_context("spawn")
    rates: dict[tuple[str, str, str, int], list[Rate]] = defaultdict(list)
    with ProcessPoolExecutor(2, spawn, _set_up, (args.recogniser,)) as pool:
        strangers = list(pool.map(_stranger, others))
        for draw in range(args.draws):
            jobs = [
                (args.heads / row["image"], args.level, draw * len(rows) + n)
                for n, row in enumerate(rows)
            ]
            persons = list(pool.map(_person, jobs))
            for gallery in ((), strangers) if strangers else ((),):
                for outcome in identity_test(persons, gallery):
                    size = len(persons) + len(gallery)
                    key = (str(outcome.probe), outcome.attacker, outcome.area, size)
                    rates[key].append(outcome.rank_1)
    print(f"| probe | attacker | area | among | rank 1 of {args.draws} x {len(rows)} | draws |")
    print("|---|---|---|---|---|---|")
    for key, drawn in rates.items():
        shares = [rate.share for rate in drawn]
        middle = sum(shares) / len(shares)
        spread = f"{min(shares):.0%} - {max(shares):.0%}"
        print(f"| {' | '.join(map(str, key))} | {middle:.1%} | {spread} |")


def _set_up(recogniser: bool) -> None:
    """Load what a process of the pool needs."""
    network = None
    if recogniser:
        from bids_deface.assurance.recogniser import load_recogniser

        network = load_recogniser()
    _TOOLS[:] = [(FeatureDetector(num_threads=1), network)]


def _stranger(path: Path) -> HeadPrint:
    """Look at an original that is in the gallery only."""
    return load_stranger(path, *_TOOLS[0])


def _person(job: tuple[Path, str, int]) -> Person:
    """Deface one head and look at it as the attackers do."""
    path, level, number = job
    detector, recogniser = _TOOLS[0]
    with tempfile.TemporaryDirectory() as folder:
        defaced = Path(folder) / path.name
        save_defaced(deface_file(path, DefaceSettings.of(level=level), detector), defaced, path)
        return load_person(Pair(path.name, path, defaced), number, detector, recogniser)


if __name__ == "__main__":
    main()
