"""The server's application: all addresses behind the guard."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bids_deface.errors import DefaceError
from bids_deface.review import review_routes, run_routes
from bids_deface.review.answers import Page, told_error
from bids_deface.review.guard import Guard
from bids_deface.review.roots import Roots
from bids_deface.review.runs import Runs

STATIC = Path(__file__).parent / "static"


def make_app(
    roots: Roots, state_dir: Path, token: str, port: int, hosts: Iterable[str] = ()
) -> Guard:
    """Return the application.

    Parameters
    ----------
    roots
        What the page may see.
    state_dir
        Where runs are remembered.
    token, port, hosts
        See `Guard`.
    """
    app = Starlette(
        routes=[
            Route("/", index),
            *run_routes.ROUTES,
            *review_routes.ROUTES,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers={DefaceError: told_error, OSError: told_error},
    )
    app.state.page = Page(roots, Runs(state_dir / "runs", roots))
    return Guard(app, token, port, hosts)


def index(_: Request) -> FileResponse:
    """Hand out the page itself."""
    return FileResponse(STATIC / "index.html")
