"""What ``bids-deface`` does once the command line is understood."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli.corrections import check_plan, corrections_for, warn_of_dropped
from bids_deface.cli.execute import execute
from bids_deface.cli.identity import group_identity
from bids_deface.cli.values import methods_of
from bids_deface.dataset.derivatives import (
    check_output_dir,
    drop_leftovers_of,
    make_output_dir,
    write_text,
)
from bids_deface.dataset.filters import Filters, read_filter_file
from bids_deface.dataset.layout import left_out, open_layout
from bids_deface.dataset.plan import Plan, make_plan
from bids_deface.dataset.query import find_images
from bids_deface.dataset.release import read_accepted, release
from bids_deface.dataset.root_files import write_root_files
from bids_deface.detection.checksum import DEFAULT_WEIGHTS, verify
from bids_deface.detection.model_file import read_feature_table
from bids_deface.errors import DeviceError, NoInputError, UsageError
from bids_deface.kinds import PRIVATE
from bids_deface.reports.citation import bibliography, citation_text
from bids_deface.reports.group import write_group_table
from bids_deface.reports.group_page import write_group_page
from bids_deface.reports.records import by_subject, read_records
from bids_deface.reports.subject import write_private_page, write_subject_page
from bids_deface.settings import DefaceSettings


def run(args: argparse.Namespace) -> int:
    """Run the analysis level that was asked for; return the exit code."""
    # Nodes run in folders of their own: relative paths would lead elsewhere there.
    args.bids_dir, args.output_dir = args.bids_dir.absolute(), args.output_dir.absolute()
    args.work_dir = args.work_dir.absolute() if args.work_dir else None
    _check(args)
    if args.analysis_level == "group":
        return _group(args)
    weights = (args.model or DEFAULT_WEIGHTS).resolve()
    sha256 = verify(weights)
    settings = DefaceSettings.of(
        args.features, args.protocol, args.random_seed, args.level, args.on_doubt,
        args.landmarks, table=read_feature_table(weights), methods=methods_of(args.method),
    )  # fmt: skip
    _require_device(args.device)
    check_output_dir(args.bids_dir, args.output_dir)
    if not args.dry_run:
        make_output_dir(args.output_dir)
    if args.boilerplate_only:
        _write_citation(args.output_dir, settings)
        return 0
    accepted = read_accepted(args.accept) if args.accept else {}
    plan = _plan(args, settings, sha256)
    if args.dry_run:
        sys.stdout.write(f"{plan}\n")
        return 0
    if not args.reports_only:
        drop_leftovers_of(args.output_dir, plan.subjects)
        write_root_files(args.bids_dir, args.output_dir)
        log = _write_log(args, settings, sha256).with_suffix(".log")
        for source in release(plan, accepted):
            sys.stdout.write(f"{source}: released, for a person has looked at it\n")
        if plan.todo or args.clean_workdir:
            execute(args, plan, settings, weights, log)
    _write_citation(args.output_dir, settings)
    return _conclude(args.output_dir, plan)


def _check(args: argparse.Namespace) -> None:
    """Raise where options speak against each other."""
    others = ("dry_run", "reports_only", "boilerplate_only")
    with_others = args.analysis_level == "group" or any(getattr(args, name) for name in others)
    if args.accept and with_others:
        raise UsageError(
            "--accept releases images, which only a whole participant run does.",
            "Leave out --dry-run, --reports-only and --boilerplate-only, or --accept.",
        )


def _plan(args: argparse.Namespace, settings: DefaceSettings, sha256: str) -> Plan:
    filters = Filters(
        participants=args.participant_label,
        sessions=args.session_label,
        suffixes=tuple(args.modalities),
        include=tuple(args.include),
        queries=read_filter_file(args.bids_filter_file) if args.bids_filter_file else (),
    )
    layout = open_layout(
        args.bids_dir,
        validate=not args.skip_bids_validation,
        database=args.bids_database_dir,
        participants=filters.participants,
    )
    _warn_of(left_out(layout, filters.datatypes, filters.suffixes, filters.participants))
    records = find_images(layout, filters)
    relevant = {
        "features": list(settings.names),
        # Of the weights' own features, which the checksum of the weights does not tell.
        **({"methods": settings.chosen_methods} if settings.chosen_methods else {}),
        "protocol": settings.protocol,
        "level": settings.level.value,
        "on_doubt": settings.on_doubt.value,
        "keep_extensions": args.keep_extensions,
        "landmarks": settings.landmarks,
        "weights": sha256,
        "version": __version__,
    }
    said = corrections_for(args.corrections, args.bids_dir, records) if args.corrections else {}
    plan = make_plan(
        args.bids_dir, args.output_dir, records, relevant, corrections=said, force=args.force
    )
    check_plan(plan, args.corrections)
    warn_of_dropped(plan, said)
    return plan


def _warn_of(names: list[str]) -> None:
    """Tell of images that nobody will look at: they may show a face."""
    if names:
        shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
        sys.stderr.write(f"Left out, for BIDS knows no such names ({len(names)}): {shown}\n")


def _conclude(output_dir: Path, plan: Plan) -> int:
    """Write the pages of the plan's subjects, say where to look, return the exit code."""
    records = {r["Source"]: r for r in read_records(output_dir)}
    subjects = by_subject(records.values())
    for subject in plan.subjects:
        own = subjects.get(subject, [])
        write_subject_page(output_dir, subject, own)
        write_private_page(output_dir, subject, own)
    page = write_group_page(output_dir)
    lost = [i.record.relative for i in plan.images if i.record.relative not in records]
    for source in lost:
        where = output_dir / PRIVATE / "logs"
        sys.stderr.write(f"{source}: no result; if it crashed, {where} holds the crash file.\n")
    verdicts = [
        records[i.record.relative]["Verdict"] for i in plan.images if i.record.relative in records
    ]
    passed = verdicts.count("PASS")
    sys.stdout.write(
        f"{passed} of {len(plan.images)} images passed, {verdicts.count('REVIEW')} await review, "
        f"{verdicts.count('FAIL') + len(lost)} failed. Reports: {page}, {output_dir}/sub-*.html\n"
    )
    return 0 if passed == len(plan.images) else 1


def _group(args: argparse.Namespace) -> int:
    records = read_records(args.output_dir)
    if not records:
        raise NoInputError(
            f"{args.output_dir} holds no results to summarise.",
            "Run the participant level first.",
        )
    path = write_group_table(args.output_dir, records)
    page = write_group_page(args.output_dir)
    sys.stdout.write(f"{len(records)} images summarised in {path} and {page}\n")
    if not args.skip_identity:
        weights = args.model or DEFAULT_WEIGHTS
        group_identity(args.bids_dir, args.output_dir, weights, args.device, args.omp_nthreads)
        write_group_page(args.output_dir)
    return 0 if all(r["Verdict"] == "PASS" for r in records) else 1


def _require_device(device: str) -> None:
    """Check for a device other than the CPU before the run starts; the CPU needs no torch here."""
    if device == "cpu":
        return
    from bids_deface.detection.inference import device_available

    if not device_available(device):
        raise DeviceError(f"The device {device!r} is not available.")


def _write_citation(output_dir: Path, settings: DefaceSettings) -> None:
    text = citation_text(settings.level, settings.protocol, settings.descriptions)
    write_text(output_dir / "logs" / "CITATION.md", text)
    write_text(output_dir / "logs" / "CITATION.bib", bibliography())


def _write_log(args: argparse.Namespace, settings: DefaceSettings, sha256: str) -> Path:
    """Write the settings of this run as TOML; no paths of this machine, no seed."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    lines = [
        f'version = "{__version__}"',
        f'weights_sha256 = "{sha256}"',
        f"features = {list(settings.names)}",
        f"method = {list(args.method)}",
        f'protocol = "{settings.protocol}"',
        f'level = "{settings.level}"',
        f'on_doubt = "{settings.on_doubt}"',
        f"participant_label = {list(args.participant_label)}",
        f"session_label = {list(args.session_label)}",
        f"modalities = {list(args.modalities)}",
        f"include = {list(args.include)}",
        f"keep_extensions = {str(args.keep_extensions).lower()}",
        f"landmarks = {str(args.landmarks).lower()}",
        f"corrections = {str(args.corrections is not None).lower()}",
        f'device = "{args.device}"',
        f"omp_nthreads = {args.omp_nthreads}",
        f"seeded = {str(args.random_seed is not None).lower()}",
    ]
    path: Path = args.output_dir / "logs" / f"run-{now}-{os.getpid()}.toml"
    write_text(path, "\n".join(lines) + "\n")
    return path
