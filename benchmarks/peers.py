"""Other programs that hide faces beside ours, on the same scans, in one table.

    python benchmarks/peers.py SCAN.nii.gz [...]             # some scans
    python benchmarks/peers.py BIDS_DIR                      # its T1w scans
    python benchmarks/peers.py HEADS --split val --most 10   # a folder with heads.tsv and labels

Whatever is found on PATH is run: pydeface (with FSL's flirt), quickshear (with the brain mask of
our detector), mri_deface (with ``--atlases``), MiDeFace, afni_refacer, fsl_deface, and ours. What
is not installed is named; a program that fails is told with its reason. Programs run one after
the other; nothing of a scan is kept.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import machine
from peer_measures import Measures, Subject, measure, save_brain_mask, subject_of
from peer_programs import OURS, PEERS, Job, Peer, Run, run

from bids_deface.anatomy import FacialFeature
from bids_deface.detection.detector import FeatureDetector
from bids_deface.errors import DefaceError

COLUMNS = (
    "program", "scans", "seconds", "peak MiB", "face found before -> after",
    *(f"skin of {feature} as it was / to review" for feature in FacialFeature),
    "brain voxels changed", "of the labelled brain", "head voxels changed", "also changed",
)  # fmt: skip
Done = tuple[Run, Measures | None]


def scans_of(sources: Sequence[Path], split: str, most: int) -> list[tuple[Path, Path | None]]:
    """Return scans and their label images, if there are any."""
    found: list[tuple[Path, Path | None]] = []
    for source in sources:
        table = source / "heads.tsv"
        if table.is_file():
            with table.open(encoding="utf-8") as file:
                rows = [r for r in csv.DictReader(file, delimiter="\t") if r["split"] == split]
            found += [(source / row["image"], source / row["label"]) for row in rows]
        elif source.is_dir():
            found += [(path, None) for path in sorted(source.glob("sub-*/**/anat/*_T1w.nii*"))]
        else:
            found.append((source, None))
    return found[:most] if most else found


def compare(
    peers: Sequence[Peer], scans: Sequence[tuple[Path, Path | None]], args: argparse.Namespace
) -> dict[str, list[Done]]:
    """Run each program on each scan."""
    detector, done = FeatureDetector(), {peer.name: list[Done]() for peer in peers}
    for number, (scan, label) in enumerate(scans, 1):
        try:
            subject = subject_of(scan, detector, label)
        except DefaceError as error:
            sys.stderr.write(f"left out: {error}\n")
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            save_brain_mask(subject, folder / "brain.nii.gz")
            for peer in peers:
                out = folder / peer.name / "defaced.nii.gz"
                job = Job(scan.absolute(), folder / "brain.nii.gz", out, args.atlases.absolute())
                done[peer.name].append(_measured(peer, job, subject, args.timeout))
        sys.stderr.write(f"{number} of {len(scans)} scans\n")
    return done


def _measured(peer: Peer, job: Job, subject: Subject, timeout: float) -> Done:
    """Run a program and look at its result; whatever goes wrong is a problem in words."""
    ran = run(peer, job, timeout)
    if ran.problem:
        return ran, None
    try:
        return ran, measure(subject, job.out)
    except (DefaceError, ValueError) as error:
        return Run(ran.seconds, ran.peak_mib, str(error).replace(str(job.out.parent), "")), None


def row_of(name: str, done: Sequence[Done]) -> list[str]:
    """Return one program's row; medians over the scans, and counts."""
    measured = [(ran, found) for ran, found in done if found is not None]
    if not measured:
        problem = Counter(ran.problem for ran, _ in done).most_common(1)
        told = problem[0][0] if problem else "there was no scan to run it on"
        return [name, f"0 of {len(done)}", f"failed: {told}", *[""] * (len(COLUMNS) - 3)]

    def middle(value: Callable[[Run, Measures], float], digits: str) -> str:
        return format(statistics.median(value(ran, found) for ran, found in measured), digits)

    found = [one for _, one in measured]
    labelled = [one.labelled_brain for one in found if one.labelled_brain is not None]
    changes = Counter(change for one in found for change in one.changes)
    return [
        name,
        f"{len(found)} of {len(done)}",
        middle(lambda ran, _: ran.seconds, ".1f"),
        middle(lambda ran, _: ran.peak_mib, ".0f"),
        f"{sum(one.face_before for one in found)} -> {sum(one.face_after for one in found)}",
        *(_feature_cell(found, feature) for feature in FacialFeature),
        middle(lambda _, one: one.brain, ".0f"),
        format(statistics.median(labelled), ".0f") if labelled else "",
        middle(lambda _, one: 100 * one.head_share, ".1f") + " %",
        "; ".join(f"{what} ({n})" for what, n in changes.items()) or "nothing",
    ]


def _feature_cell(found: Sequence[Measures], feature: FacialFeature) -> str:
    """Return the median share of a feature's skin that is kept, and the scans to review."""
    kept = [one.skin_kept[feature] for one in found if feature in one.skin_kept]
    share = f"{100 * statistics.median(kept):.0f} %" if kept else "no skin"
    return f"{share} / {sum(feature in one.left for one in found)}"


def main() -> None:
    """Print what is missing, the table, and what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--split", default="val", help="of heads.tsv")
    parser.add_argument("--most", type=int, default=0, help="scans; 0 takes all")
    parser.add_argument("--only", nargs="+", default=[], help="programs, by name")
    parser.add_argument("--atlases", type=Path, default=Path(), help="folder of mri_deface's")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one scan")
    args = parser.parse_args()
    unknown = set(args.only) - {peer.name for peer in PEERS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    chosen = [peer for peer in PEERS if not args.only or peer.name in args.only]
    missing = {peer.name: peer.missing(args.atlases) for peer in chosen}
    peers = [peer for peer in chosen if not missing[peer.name]]
    for name, what in missing.items():
        if what:
            print(f"{name}: not installed (no {what})")
    scans = scans_of(args.sources, args.split, args.most)
    if not scans:
        raise SystemExit(f"no scans in {', '.join(map(str, args.sources))}")
    done = compare(peers, scans, args)
    print(f"\n{machine()}; medians\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for peer in peers:
        print(f"| {' | '.join(row_of(peer.name, done[peer.name]))} |")
    for peer in peers:
        for problem, n in Counter(r.problem for r, _ in done[peer.name] if r.problem).items():
            print(f"{peer.name}: {problem} ({n} of {len(done[peer.name])} scans)")
    if peers == [OURS]:
        print("No other program was found: this is ours alone.")


if __name__ == "__main__":
    main()
