"""Requests to words, words to answers: what all parts of the page need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from bids_deface.errors import DefaceError, NoInputError, UsageError
from bids_deface.review.planning import Plans
from bids_deface.review.results import Results
from bids_deface.review.roots import OutsideError, Roots
from bids_deface.review.runs import Runs

#: No form is larger; a painted label image is not either, packed.
MOST_BYTES = 1_000_000
MOST_PAINTED_BYTES = 256_000_000


@dataclass(frozen=True)
class Page:
    """What the server knows.

    Attributes
    ----------
    roots
        What may be seen.
    runs
        Runs, also of earlier starts.
    plans
        Plans shown since the start.
    writing
        Held while decisions or corrections are read and written.
    """

    roots: Roots
    runs: Runs
    plans: Plans = field(default_factory=Plans)
    writing: Lock = field(default_factory=Lock)


def page_of(request: Request) -> Page:
    """Return what the server knows."""
    page: Page = request.app.state.page
    return page


def results_of(request: Request, asked: Mapping[str, Any]) -> Results:
    """Return the results that a request names by ``raw`` and ``out``."""
    return Results.of(page_of(request).roots, word(asked, "raw"), word(asked, "out"))


def word(asked: Mapping[str, Any], name: str, *, needed: bool = True) -> str:
    """Return a text of a request, without what would spoil a table."""
    value = asked.get(name, "")
    if not isinstance(value, str) or (needed and not value):
        raise UsageError(f"The request says no {name}.", "Load the page anew.")
    return " ".join(value.split())[:2000] if not needed else value


async def body_of(request: Request, most: int = MOST_BYTES) -> bytes:
    """Return what a request brings; raise `UsageError` where it is too much."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > most:
            raise UsageError("That is too much.", "Load the page anew.")
    return bytes(content)


async def form_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request brings; raise `UsageError` where it is none."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise UsageError("The request is no JSON.", "Load the page anew.")
    try:
        content = json.loads(await body_of(request))
    except (ValueError, RecursionError) as error:
        raise UsageError("The request is not understood.", "Load the page anew.") from error
    if not isinstance(content, dict):
        raise UsageError("The request is not understood.", "Load the page anew.")
    return content


async def told_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an error in words."""
    status = 400
    if isinstance(error, OutsideError):
        status = 403
    elif isinstance(error, NoInputError):
        status = 404
    if isinstance(error, DefaceError):
        return JSONResponse({"error": error.message, "hint": error.hint}, status)
    text = getattr(error, "strerror", None) or type(error).__name__
    return JSONResponse({"error": f"That did not work ({text}).", "hint": "Try again."}, 500)
