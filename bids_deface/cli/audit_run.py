"""Run an audit: workers, one line for each image, the summary."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from bids_deface.audit.dataset import audit_texts
from bids_deface.audit.finding import Finding, Kind, Weight, problems_among
from bids_deface.audit.images import IMAGE_ITEM, AuditedImage, audit_image, find_audited
from bids_deface.audit.table import check_target, read_accepted, write_table
from bids_deface.audit.walk import walk_dataset
from bids_deface.detection.checksum import DEFAULT_WEIGHTS, verify
from bids_deface.errors import NothingMatchedError, WorkerError

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector

#: One detector for each process; loading it takes longer than using it.
_READY: dict[str, FeatureDetector] = {}


@dataclass(frozen=True)
class Looking:
    """How images are looked at.

    Attributes
    ----------
    nprocs
        Images at once.
    weights, device, threads
        Of the detector.
    sha256
        Checksum of the weights.
    """

    nprocs: int
    weights: Path
    device: str
    threads: int | None
    sha256: str

    @classmethod
    def of(cls, args: argparse.Namespace) -> Looking:
        """Take them from the command line; the weights are checked."""
        weights = args.model or DEFAULT_WEIGHTS
        sha256 = verify(weights)
        return cls(args.nprocs, weights, args.device, args.omp_nthreads, sha256)


def run(args: argparse.Namespace) -> int:
    """Audit a dataset; return the exit code.

    Raises
    ------
    DefaceError
        The folders or options are not right.
    """
    if args.tsv:
        check_target(args.tsv, args.bids_dir)
    accepted = read_accepted(args.accept) if args.accept else frozenset()
    tree = walk_dataset(args.bids_dir)
    images = list(find_audited(tree, args.include, args.participant_label))
    if args.participant_label and not images and not args.skip_images:
        labels = ", ".join(args.participant_label)
        raise NothingMatchedError(f"No image of {labels} in {args.bids_dir}.")
    findings = audit_texts(tree)
    if not args.skip_images:
        for _, seen in look_at_images(images, Looking.of(args)):
            findings += seen
    findings.sort(key=lambda finding: (finding.file, finding.kind, finding.item))
    if args.tsv:
        write_table(args.tsv, findings)
    problems = problems_among(findings, accepted, strict=args.strict)
    tell(findings, problems, 0 if args.skip_images else len(images))
    if args.tsv:
        sys.stdout.write(f"written: {args.tsv}, and .json beside it\n")
    return 1 if problems else 0


def look_at_images(
    images: Sequence[AuditedImage], looking: Looking
) -> Iterator[tuple[str, list[Finding]]]:
    """Look for faces in images; a line for each, a bar on a terminal.

    Parameters
    ----------
    images
        Those to look at.
    looking
        How.

    Yields
    ------
    tuple
        Each image by its path within the dataset, and what was seen in it.
    """
    bar = tqdm(total=len(images), unit="image", disable=not sys.stderr.isatty(), file=sys.stderr)
    with bar:
        for number, (image, seen) in enumerate(_looked(images, looking), 1):
            line = f"[{number}/{len(images)}] {image.file}: {in_one_line(seen)}"
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()
            bar.update()
            yield image.file, seen


def in_one_line(seen: Sequence[Finding]) -> str:
    """Return what was seen in one image: ``clean``, or each feature with its status."""
    if all(finding.weight is Weight.FINE for finding in seen):
        return "clean"
    if seen[0].item == IMAGE_ITEM:
        return seen[0].reason
    return ", ".join(f"{one.item} {one.status.replace('_', ' ')}" for one in seen)


def tell(findings: Sequence[Finding], problems: Sequence[Finding], n_images: int) -> None:
    """Print what was found besides the images' lines, and the sum of it all."""
    for finding in findings:
        if finding.kind is not Kind.FACE and finding.weight is not Weight.FINE:
            word = "problem" if finding in problems else finding.weight.value
            word = "accepted" if word == "problem" and finding not in problems else word
            said = f"{finding.file}: {finding.item}: {finding.reason}"
            sys.stdout.write(f"{word}: {said}\n")
    with_face = {one.file for one in problems if one.kind is Kind.FACE}
    sure = {f.file for f in problems if f.kind is Kind.FACE and f.status in ("found", "cut_off")}
    counts = Counter(one.kind for one in problems)
    open_ones = len(with_face - sure)
    parts = [
        f"{n_images} images looked at: {len(sure)} show a face or a feature",
        f"in {open_ones} a face cannot be ruled out",
        f"{counts[Kind.TEXT]} fields or columns identify",
        f"{counts[Kind.FILE]} files or folders are risky",
    ]
    verdict = "not clean" if problems else "clean"
    sys.stdout.write(f"{'; '.join(parts)}: {verdict}\n")


def _looked(
    images: Sequence[AuditedImage], looking: Looking
) -> Iterator[tuple[AuditedImage, list[Finding]]]:
    if looking.nprocs == 1 or len(images) < 2:
        if images:
            _start(looking)
        for image in images:
            yield image, _look(image)
        return
    # A fresh interpreter: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    n_workers = min(looking.nprocs, len(images))
    with ProcessPoolExecutor(n_workers, context, _start, (looking,)) as pool:
        tasks = {pool.submit(_look, image): image for image in images}
        try:
            for future in as_completed(tasks):
                yield tasks[future], future.result()
        except BrokenProcessPool as error:
            raise WorkerError("A worker was killed, as happens when memory runs out.") from error


def _start(looking: Looking) -> None:
    """Get ready, once for each process."""
    from bids_deface.detection.detector import FeatureDetector

    _READY["worker"] = FeatureDetector(looking.weights, looking.device, looking.threads)


def _look(image: AuditedImage) -> list[Finding]:
    return audit_image(image, _READY["worker"])
