"""Plans: what the command line would do, shown before anybody can start it."""

from __future__ import annotations

import asyncio
import secrets
import sys
from dataclasses import dataclass, field

from bids_deface.containers.names import split_name
from bids_deface.errors import UsageError
from bids_deface.review.commands import Command, Kind

#: Plans that are kept; the oldest are forgotten.
MOST = 50


@dataclass(frozen=True)
class Shown:
    """A plan as it was shown.

    Attributes
    ----------
    command
        What is run if it is started.
    lines
        What ``--dry-run`` printed.
    messages
        What it said beside: warnings, or the error.
    exit_code
        Its exit code; 0 where the plan can be started.
    """

    command: Command
    lines: tuple[str, ...]
    messages: str
    exit_code: int


@dataclass
class Plans:
    """The plans that were shown since the server started."""

    _shown: dict[str, Shown] = field(default_factory=dict)

    async def make(self, command: Command) -> tuple[str, Shown]:
        """Ask the command line for its plan; return the plan with a name for it."""
        shown = await _dry_run(command)
        name = secrets.token_urlsafe(12)
        self._shown[name] = shown
        while len(self._shown) > MOST:
            del self._shown[next(iter(self._shown))]
        return name, shown

    def take(self, name: str) -> Shown:
        """Return a plan that can be started.

        Raises
        ------
        UsageError
            It is not known (any more), or ended in an error.
        """
        shown = self._shown.get(name)
        if shown is None or shown.exit_code:
            raise UsageError("This plan is no longer known.", "Make the plan again.")
        return shown


async def _dry_run(command: Command) -> Shown:
    if command.kind is Kind.IMAGE:
        # One file in, one file out: there is nothing that would have to be looked up.
        missing = "" if command.source.is_file() else f"{command.source} does not exist."
        stem = split_name(command.source)[0]
        line = f"deface              {command.source.name} -> {command.output.name}"
        return Shown(command, () if missing else (line, f"{stem}: 1 image to deface"), missing,
                     66 if missing else 0)  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", command.module, *command.arguments, "--dry-run",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, messages = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    lines = tuple(out.decode("utf-8", "replace").splitlines())
    code = process.returncode or 0
    return Shown(command, lines, messages.decode("utf-8", "replace").strip(), code)
