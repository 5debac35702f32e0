"""A run as a stream of events (server-sent events), from where the page stopped listening."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from bids_deface.review.progress import told
from bids_deface.review.runs import Run, State

POLL_S = 0.4
#: A comment this often keeps the connection open through tunnels.
QUIET_POLLS = 35


async def follow(run: Run, offset: int) -> AsyncIterator[str]:
    """Yield what a run says and how it stands until it has ended.

    Parameters
    ----------
    run
        The run.
    offset
        Bytes of its output that the page knows already (``Last-Event-ID``).
    """
    before: dict[str, Any] = {}
    quiet = 0
    while True:
        # The state first: what was said before the end is then surely read.
        summary = await asyncio.to_thread(run.summary)
        messages = await asyncio.to_thread(run.messages)
        lines, offset = _new_lines(await asyncio.to_thread(run.output), offset)
        quiet = 0 if lines else quiet + 1
        if lines:
            yield _event("lines", [told(line) for line in lines], offset)
        now = {**summary, "messages": messages}
        if now != before:
            yield _event("state", now, offset)
            before, quiet = now, 0
        if now["state"] != State.RUNNING:
            yield _event("end", {}, offset)
            return
        if quiet >= QUIET_POLLS:
            yield ": still there\n\n"
            quiet = 0
        await asyncio.sleep(POLL_S)


def _new_lines(content: bytes, offset: int) -> tuple[list[str], int]:
    """Return whole lines after an offset, and where they end."""
    end = content.rfind(b"\n") + 1
    if end <= offset:
        return [], offset
    return content[offset:end].decode("utf-8", "replace").splitlines(), end


def _event(kind: str, data: object, offset: int) -> str:
    return f"id: {offset}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
