"""What went wrong in a node, in one line; and plugins that survive it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

LOGGER = logging.getLogger(__name__)

#: Called with the full name of a node that ended, and with what went wrong ("" for nothing).
OnEnd = Callable[[str, str], None]

#: Last line of a traceback: ``package.module.KindError: message``.
RAISED = re.compile(
    r"^\s*(?:([\w.]+)\.)?(\w*(?:Error|Exception|Exit|Interrupt))(?:: (.*))?$", re.MULTILINE
)
OURS = "bids_deface.errors"
NO_MEMORY = "Memory ran out. Use fewer --nprocs, or more memory, and run the same command again."
DISK = "Check the disk and run the same command again."


def reason_of(traceback: Sequence[str]) -> str:
    """Return what a user should know of a crash, on one line.

    Messages of libraries may quote headers: only the kind of their errors is told.

    Parameters
    ----------
    traceback
        Lines of a traceback, or a sentence of a plugin.
    """
    text = "".join(traceback).strip()
    raised = RAISED.findall(text)
    if not raised:
        return text.replace("\n", " ")
    module, kind, message = raised[-1]
    if module == OURS:
        return str(message)
    if kind.endswith("MemoryError"):
        return NO_MEMORY
    if kind == "OSError" or message.startswith("[Errno"):
        return f"{message}. {DISK}"
    return f"internal error ({kind}). Please report it with the crash file."


class ToldCrashes:
    """Mixin for plugins that hand nodes out: a crash is told, and costs its own images at most.

    The plugin arguments must have ``on_end``, see :data:`OnEnd`.
    """

    plugin_args: dict[str, Any]
    _reason = ""

    def _report_crash(self, node: Any, result: dict[str, Any] | None = None) -> str:
        traceback = (result or {}).get("traceback") or []
        # nipype adds lines to it, which fails with a TypeError where it is one string.
        lines = [traceback] if isinstance(traceback, str) else list(traceback)
        self._reason = reason_of(lines)
        self._told(node)
        with suppress(OSError):
            told = {"result": (result or {}).get("result"), "traceback": lines}
            return str(super()._report_crash(node, result=told))  # type: ignore[misc]
        LOGGER.error("The crash file of %s cannot be written: is the disk full?", node.fullname)
        return ""

    def _remove_node_deps(self, jobid: int, crashfile: str, graph: Any) -> dict[str, Any]:
        lost: dict[str, Any]
        lost = super()._remove_node_deps(jobid, crashfile, graph)  # type: ignore[misc]
        for node in lost["dependents"]:
            if node is not lost["node"]:
                self._told(node)
        return lost

    def _told(self, node: Any) -> None:
        self.plugin_args["on_end"](str(node.fullname), self._reason)
