"""``bids-deface``: the BIDS-App."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence

from bids_deface.cli.parser import parse
from bids_deface.errors import DefaceError

LOGGER = logging.getLogger(__name__)
LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


def guarded(prog: str, job: Callable[[], int]) -> int:
    """Run a command; turn its errors into one line with the remedy and an exit code."""
    try:
        return job()
    except DefaceError as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{prog}: {error}. Check the disk and run the same command again.\n")
        return 74
    except KeyboardInterrupt:
        sys.stderr.write(f"{prog}: interrupted; run the same command again to go on.\n")
        return 130
    except Exception as error:
        # The last resort: one line for the user, the traceback for --verbose.
        LOGGER.debug("internal error", exc_info=True)
        # Messages of libraries quote paths and headers, so only the kind of error is told.
        sys.stderr.write(
            f"{prog}: internal error ({type(error).__name__}). Please report it; -vv shows where "
            "it happened.\n"
        )
        return 70


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    # nipype looks for a newer version of itself on the network unless told not to.
    os.environ.setdefault("NO_ET", "1")

    def job() -> int:
        args = parse(argv)
        logging.basicConfig(
            level=LEVELS[min(args.verbose, 2)], format="%(levelname)s %(name)s: %(message)s"
        )
        from bids_deface.cli.run import run

        return run(args)

    return guarded("bids-deface", job)


if __name__ == "__main__":
    sys.exit(main())
