"""What follows a review: release what was accepted, do again what was corrected."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bids_deface.assurance.verdict import Decision
from bids_deface.dataset.decisions import ACCEPT, COLUMNS, known_decisions
from bids_deface.errors import UsageError
from bids_deface.review.commands import Command, Kind, corrections_option, typed_options
from bids_deface.review.corrections import read_corrections
from bids_deface.review.results import Results
from bids_deface.review.runs import Run, Runs
from bids_deface.textfiles import table_text

#: In the log of a run; what else it holds does not change what is done with an image.
LOGGED = ("features", "protocol", "level", "on_doubt", "modalities", "include", "keep_extensions")
ACCEPTED_TABLE = "accepted.tsv"


def release(results: Results, runs: Runs) -> Run:
    """Start the run that releases what was accepted and still awaits review.

    Raises
    ------
    UsageError
        There is nothing to release.
    """
    decisions = known_decisions(results.out)
    waiting = [
        row["source"]
        for row in results.table()
        if row["verdict"] == Decision.REVIEW
        and not row["stale"]
        and row["decision"]
        and row["decision"]["decision"] == ACCEPT
    ]
    if not waiting:
        raise UsageError("No image that awaits review was accepted.", "Look at them first.")
    rows = [[getattr(decisions[source], name) for name in COLUMNS] for source in waiting]
    options = [*_continued(results, runs, waiting), "--accept", f"{{run}}/{ACCEPTED_TABLE}"]
    table = table_text(COLUMNS, rows).encode("utf-8", "backslashreplace")
    return runs.start(
        Command(Kind.DATASET, results.raw, results.out, tuple(options)),
        title="release",
        files={ACCEPTED_TABLE: table},
    )


def redo(results: Results, runs: Runs, source: str) -> Run:
    """Start the run that does one corrected image again.

    What else belongs to its session has not changed, and is left as it is.

    Raises
    ------
    UsageError
        The image was not corrected.
    """
    results.record(source)
    if source not in read_corrections(results.out):
        raise UsageError(f"{source} was not corrected.", "Save a correction first.")
    options = _continued(results, runs, [source])
    return runs.start(
        Command(Kind.DATASET, results.raw, results.out, tuple(options)), title="redo"
    )


def _continued(results: Results, runs: Runs, sources: Iterable[str]) -> list[str]:
    """Return the options of the last run, for the subjects of some images alone."""
    options = _logged(results.out)
    subjects = sorted({source.partition("/")[0].removeprefix("sub-") for source in sources})
    earlier = [
        run.job
        for run in runs.all()
        if run.job.get("Source") == str(results.raw) and run.job.get("Output") == str(results.out)
    ]
    if any("--skip-bids-validation" in job.get("Options", []) for job in earlier):
        options["skip_bids_validation"] = True
    typed = typed_options(Kind.DATASET, {**options, "participant_label": subjects})
    return [*typed, *corrections_option(results.out)]


def _logged(output_dir: Path) -> dict[str, Any]:
    """Return what the last run was told, from its log."""
    logs = sorted((output_dir / "logs").glob("run-*.toml"))
    if not logs:
        raise UsageError("There is no log of a run.", "Run the dataset again from the page.")
    try:
        content = tomllib.loads(logs[-1].read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"The log {logs[-1].name} cannot be read.", "Run it again.") from error
    known = {name: content[name] for name in LOGGED if name in content}
    if known.get("level") == "face":
        # All of the face is hidden, in one way: the command line takes no others beside it.
        known = {k: v for k, v in known.items() if k not in {"features", "protocol"}}
    return known
