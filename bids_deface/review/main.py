"""``bids-deface-ui``: a page on this machine to choose, run, watch, review and release."""

from __future__ import annotations

import secrets
import socket
import sys
import tempfile
import threading
import webbrowser
from argparse import Namespace
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bids_deface import __version__
from bids_deface.cli.main import guarded
from bids_deface.cli.parser import Parser
from bids_deface.errors import InstallError, OutputError, UsageError

LOCAL = "127.0.0.1"
PORT = 8765
EPILOG = """The page shows faces. It listens on this machine alone and lets only those in who have
the address with its token, which changes with each start. Runs go on when the page is closed or
the server is stopped."""


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-ui``."""
    parser = Parser(
        prog="bids-deface-ui",
        description="Open a page in the browser to deface, review and release head scans.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument(
        "roots", type=Path, nargs="*", metavar="ROOT",
        help="folders that the page may see, data and results (default: the current one)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help=f"default {PORT}; 0: any that is free"
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--host", default=LOCAL, metavar="ADDRESS",
        help=f"address to listen on (default {LOCAL}: this machine alone)",
    )  # fmt: skip
    parser.add_argument(
        "--allow-remote", action="store_true",
        help="with --host: I know that others on the network can reach the page, unencrypted",
    )  # fmt: skip
    parser.add_argument(
        "--state-dir", type=Path, metavar="DIR",
        help="where runs are remembered (default: your folder for such things)",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        if not args.allow_remote and args.host not in {LOCAL, "localhost", "::1"}:
            raise UsageError(
                f"With --host {args.host} others on the network could reach the page.",
                "Use an SSH tunnel, or add --allow-remote.",
            )
        try:
            return serve(args)
        except ModuleNotFoundError as error:
            raise InstallError(
                f"The Python package {error.name} is not installed.",
                "pip install 'bids-deface[ui]'.",
            ) from error

    return guarded("bids-deface-ui", job)


def serve(args: Namespace) -> int:
    """Serve the page until the user ends it.

    Raises
    ------
    DefaceError
        A root does not exist, or the port is taken.
    """
    import uvicorn

    from bids_deface.review.app import make_app
    from bids_deface.review.roots import Roots
    from bids_deface.review.runs import default_state_dir

    roots = Roots.of(args.roots or [Path.cwd()])
    state_dir = (args.state_dir or default_state_dir()).expanduser().absolute()
    token = secrets.token_urlsafe(32)
    with _listening(args.host, args.port) as listener:
        port = listener.getsockname()[1]
        names = {args.host, socket.gethostname(), socket.getfqdn()} if args.allow_remote else ()
        app = make_app(roots, state_dir, token, port, names)
        config = uvicorn.Config(
            # The address holds the token: it goes to no log.
            app, access_log=False, log_level="warning", server_header=False, lifespan="off",
            proxy_headers=False, timeout_graceful_shutdown=2,
        )  # fmt: skip
        shown = args.host if args.allow_remote else LOCAL
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/?token={token}"
        sys.stdout.write(f"The page: {address}\nStop it with Ctrl-C; runs go on.\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory(prefix="bids-deface-ui-") as folder:
            if not args.no_browser:
                threading.Thread(target=_open, args=(address, Path(folder)), daemon=True).start()
            try:
                uvicorn.Server(config).run(sockets=[listener])
            except KeyboardInterrupt:
                sys.stdout.write("Stopped.\n")
    return 0


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # From now on those who ask wait until the server is there.
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise OutputError(
            f"Nothing can listen on {host}, port {port} ({error}).", "Choose another --port."
        ) from error
    return listener


def _open(address: str, folder: Path) -> None:
    """Open the page; the browser's command line, which others can see, has no token in it."""
    page = folder / "open.html"
    page.write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(address)}">',
        encoding="utf-8",
    )
    webbrowser.open(page.as_uri())


if __name__ == "__main__":
    sys.exit(main())
