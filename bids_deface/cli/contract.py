"""What a BIDS-App promises: its analysis levels and exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LEVELS: Final = ("participant", "group")
EXIT_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "Some image failed or awaits review.",
        16: "Invalid BIDS dataset.",
        17: "Unknown analysis level.",
        18: "The filters matched no image.",
        64: "Wrong usage.",
        65: "Unusable data.",
        66: "Input missing.",
        69: "Weights or device missing.",
        70: "Internal error.",
        73: "Output or work folder cannot be written.",
        74: "Disk error; run the same command again.",
        75: "A worker was killed; run the same command again.",
        130: "Interrupted; run the same command again.",
        143: "Terminated; run the same command again.",
    }
)
