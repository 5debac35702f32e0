"""Look, decide, correct, release."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from bids_deface.dataset.decisions import (
    ReviewDecision,
    keep_decisions,
    known_decisions,
    review_table,
    stamp_of,
)
from bids_deface.errors import NoInputError, UsageError
from bids_deface.review import redo
from bids_deface.review.answers import (
    MOST_PAINTED_BYTES,
    Page,
    body_of,
    form_of,
    page_of,
    results_of,
    word,
)
from bids_deface.review.corrections import (
    drop_correction,
    keep_correction,
    keep_labels,
    painted_labels,
    read_corrections,
)
from bids_deface.review.regions import region_places
from bids_deface.review.results import Results

#: How a decision is taken back.
UNDECIDED = ""


def table(request: Request) -> JSONResponse:
    """List all images."""
    results = results_of(request, request.query_params)
    return JSONResponse(
        {
            "raw": str(results.raw),
            "out": str(results.out),
            "decisions": str(review_table(results.out)),
            "images": results.table(),
        }
    )


def image(request: Request) -> JSONResponse:
    """Tell of one image: which files there are, where its regions lie, what was corrected."""
    results = results_of(request, request.query_params)
    source = word(request.query_params, "source")
    record, parts = results.record(source), results.parts(source)
    places = region_places(results.file(source, "dseg")) if parts["dseg"] else {}
    return JSONResponse(
        {
            "source": source,
            "stamp": stamp_of(record),
            "parts": parts,
            "places": places,
            "correction": read_corrections(results.out).get(source),
        }
    )


def voxels(request: Request) -> FileResponse:
    """Hand out one file of an image, from where it lies."""
    results = results_of(request, request.query_params)
    path = results.file(word(request.query_params, "source"), word(request.query_params, "part"))
    return FileResponse(path, media_type="application/octet-stream")


def _decide(page: Page, results: Results, asked: dict[str, Any]) -> dict[str, Any]:
    source, stamp = word(asked, "source"), word(asked, "stamp")
    decision = ReviewDecision(
        source,
        word(asked, "decision", needed=False),
        stamp,
        word(asked, "reviewer", needed=False),
        word(asked, "reason", needed=False),
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    if decision.decision not in {"accept", "reject", UNDECIDED}:
        raise UsageError("A decision is accept or reject.")
    if stamp != stamp_of(results.record(source)):
        raise UsageError(f"{source} was done again meanwhile.", "Load it anew and look at it.")
    with page.writing:
        known = known_decisions(results.out)
        if decision.decision == UNDECIDED:
            known.pop(source, None)
        else:
            known[source] = replace(decision)
        keep_decisions(review_table(results.out), known)
    return asdict(decision)


async def decide(request: Request) -> JSONResponse:
    """Accept or reject an image; release nothing."""
    asked = await form_of(request)
    results = results_of(request, asked)
    return JSONResponse(await run_in_threadpool(_decide, page_of(request), results, asked))


async def release(request: Request) -> JSONResponse:
    """Release what was accepted."""
    results = results_of(request, await form_of(request))
    run = await run_in_threadpool(redo.release, results, page_of(request).runs)
    return JSONResponse({"run": run.name})


def _correct(page: Page, results: Results, asked: dict[str, Any]) -> dict[str, Any]:
    source, features = word(asked, "source"), asked.get("features")
    results.record(source)
    if not isinstance(features, dict):
        raise UsageError("The correction names no features.")
    with page.writing:
        if asked.get("drop") is True:
            drop_correction(results.out, source)
            return {}
        return keep_correction(
            results.out, source, features, word(asked, "reviewer", needed=False),
            word(asked, "reason", needed=False),
        )  # fmt: skip


async def correct(request: Request) -> JSONResponse:
    """Say where features are."""
    asked = await form_of(request)
    results = results_of(request, asked)
    return JSONResponse(await run_in_threadpool(_correct, page_of(request), results, asked))


def _paint(page: Page, results: Results, source: str, packed: bytes) -> dict[str, str]:
    names = results.names(source)
    labels = painted_labels(packed, results.file(source, "original"))
    with page.writing:
        return {"labels": keep_labels(results.out, source, names.key, labels)}


async def paint(request: Request) -> JSONResponse:
    """Keep what was painted."""
    if request.headers.get("content-type") != "application/octet-stream":
        raise UsageError("What was painted is no file.", "Load the page anew.")
    results = results_of(request, request.query_params)
    source = word(request.query_params, "source")
    packed = await body_of(request, MOST_PAINTED_BYTES)
    return JSONResponse(await run_in_threadpool(_paint, page_of(request), results, source, packed))


def painted(request: Request) -> FileResponse:
    """Hand out what was painted before."""
    results = results_of(request, request.query_params)
    name = read_corrections(results.out).get(word(request.query_params, "source"), {})
    if "Labels" not in name:
        raise NoInputError("Nothing was painted on this image.")
    path = page_of(request).roots.within(results.out / "private", str(name["Labels"]))
    return FileResponse(path, media_type="application/octet-stream")


async def redo_image(request: Request) -> JSONResponse:
    """Do a corrected image again."""
    asked = await form_of(request)
    results = results_of(request, asked)
    run = await run_in_threadpool(redo.redo, results, page_of(request).runs, word(asked, "source"))
    return JSONResponse({"run": run.name})


ROUTES = [
    Route("/api/review", table),
    Route("/api/image", image),
    Route("/api/voxels", voxels),
    Route("/api/painted", painted),
    Route("/api/decision", decide, methods=["POST"]),
    Route("/api/release", release, methods=["POST"]),
    Route("/api/correction", correct, methods=["POST"]),
    Route("/api/labels", paint, methods=["POST"]),
    Route("/api/redo", redo_image, methods=["POST"]),
]
