"""Hide eyes, nose, ears and mouth in head scans; leave the brain as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "deface_image"]

if TYPE_CHECKING:
    from bids_deface.deface_file import deface_image


def __getattr__(name: str) -> Any:
    """Import :func:`deface_image` on first use: ``import bids_deface`` stays light."""
    if name == "deface_image":
        from bids_deface.deface_file import deface_image

        return deface_image
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
