"""``bids-deface``: the BIDS-App."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from bids_deface.cli.parser import parse
from bids_deface.errors import DefaceError

LOGGER = logging.getLogger(__name__)
LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class Terminated(KeyboardInterrupt):
    """Somebody, or a scheduler's time limit, asked the process to end."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does, so that it tidies up behind itself."""

    def end(*_: object) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def guarded(prog: str, job: Callable[[], int]) -> int:
    """Run a command; turn its errors into one line with the remedy and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A path that the terminal cannot show must not end the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _terminable():
            return job()
    except DefaceError as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{prog}: {error}. Check the disk and run the same command again.\n")
        return 74
    except KeyboardInterrupt as error:
        word, code = ("terminated", 143) if isinstance(error, Terminated) else ("interrupted", 130)
        sys.stderr.write(f"{prog}: {word}; run the same command again to go on.\n")
        return code
    except Exception as error:
        # The last resort: one line for the user, the traceback for --verbose.
        LOGGER.debug("internal error", exc_info=True)
        # Messages of libraries quote paths and headers, so only the kind of error is told.
        sys.stderr.write(
            f"{prog}: internal error ({type(error).__name__}). Please report it; -vv shows where "
            "it happened.\n"
        )
        return 70


def start_log(verbose: int) -> None:
    """Write the log of all libraries to stderr, from the level that ``-v`` asks for."""
    logging.basicConfig(
        level=LEVELS[min(verbose, 2)], format="%(levelname)s %(name)s: %(message)s"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    # nipype looks for a newer version of itself on the network unless told not to.
    os.environ.setdefault("NO_ET", "1")

    def job() -> int:
        args = parse(argv)
        start_log(args.verbose)
        from bids_deface.cli.run import run

        return run(args)

    return guarded("bids-deface", job)


if __name__ == "__main__":
    sys.exit(main())
