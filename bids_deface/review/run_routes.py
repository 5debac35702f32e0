"""Choose, plan, start, watch, cancel."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from bids_deface.review.answers import form_of, page_of, word
from bids_deface.review.browsing import listing
from bids_deface.review.choices import all_choices
from bids_deface.review.commands import command_of
from bids_deface.review.events import follow
from bids_deface.review.progress import planned


def choices(request: Request) -> JSONResponse:
    """Tell what can be chosen."""
    return JSONResponse(all_choices(page_of(request).roots))


def folder(request: Request) -> JSONResponse:
    """Tell what lies in a folder."""
    return JSONResponse(listing(page_of(request).roots, request.query_params.get("path", "")))


async def plan(request: Request) -> JSONResponse:
    """Tell what would be done."""
    page = page_of(request)
    command = await run_in_threadpool(command_of, await form_of(request), page.roots)
    name, shown = await page.plans.make(command)
    return JSONResponse(
        {
            "plan": name,
            "command": command.shown,
            "lines": shown.lines,
            "images": planned(list(shown.lines)),
            "messages": shown.messages,
            "exit_code": shown.exit_code,
        }
    )


async def start(request: Request) -> JSONResponse:
    """Do what a plan says."""
    page = page_of(request)
    shown = page.plans.take(word(await form_of(request), "plan"))
    run = await run_in_threadpool(page.runs.start, shown.command, plan=shown.lines)
    return JSONResponse({"run": run.name})


def runs(request: Request) -> JSONResponse:
    """List all runs."""
    return JSONResponse([run.summary() for run in page_of(request).runs.all()])


def run(request: Request) -> JSONResponse:
    """Tell of one run, and what was planned."""
    found = page_of(request).runs.find(request.path_params["name"])
    lines = [str(line) for line in found.job.get("Plan", [])]
    return JSONResponse(
        {
            **found.summary(),
            "plan": lines,
            "images": planned(lines),
            "messages": found.messages(),
        }
    )


def events(request: Request) -> StreamingResponse:
    """Tell what a run says, as it says it."""
    found = page_of(request).runs.find(request.path_params["name"])
    known = request.headers.get("last-event-id", "0")
    offset = int(known) if known.isdecimal() else 0
    return StreamingResponse(follow(found, offset), media_type="text/event-stream")


async def cancel(request: Request) -> JSONResponse:
    """End a run."""
    found = page_of(request).runs.find(request.path_params["name"])
    await run_in_threadpool(found.cancel)
    return JSONResponse({"run": found.name})


ROUTES = [
    Route("/api/choices", choices),
    Route("/api/folder", folder),
    Route("/api/plan", plan, methods=["POST"]),
    Route("/api/runs", runs, methods=["GET"]),
    Route("/api/runs", start, methods=["POST"]),
    Route("/api/runs/{name}", run),
    Route("/api/runs/{name}/events", events),
    Route("/api/runs/{name}/cancel", cancel, methods=["POST"]),
]
