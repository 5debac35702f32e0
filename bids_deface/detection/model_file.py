"""What a weights file says of itself, read without torch and believed only once checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from bids_deface.anatomy import CLASSES
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.errors import WeightsError
from bids_deface.feature_check import table_from
from bids_deface.feature_table import FeatureTable

#: Metadata larger than this belongs to no weights of this program, characters.
MOST_METADATA: Final = 64 * 1024
FEATURES_KEY: Final = "features"
NOT_OURS = "Use weights that bids-deface-train wrote."


def read_feature_table(path: Path | None = None) -> FeatureTable:
    """Return the features that weights know beside the standard ones.

    Parameters
    ----------
    path
        A ``.safetensors`` file; None for the shipped one.

    Raises
    ------
    WeightsError
        The file cannot be read, or is no weights file of this program.
    """
    return metadata_of(path or DEFAULT_WEIGHTS)[1]


def metadata_of(path: Path) -> tuple[dict[str, Any], FeatureTable]:
    """Return the network's shape, unchecked, and the checked table of features.

    Raises
    ------
    WeightsError
        As in :func:`read_feature_table`.
    """
    if not path.is_file():
        raise WeightsError(f"The detector's weights are missing: {path}.", "Check --model.")
    try:
        with safe_open(path, framework="numpy") as file:
            texts: dict[str, str] = file.metadata() or {}
        if sum(map(len, texts.values())) > MOST_METADATA:
            raise ValueError("too much metadata")
        shape = json.loads(texts["network"])
        table = table_from(json.loads(texts.get(FEATURES_KEY, "{}")))
        if not isinstance(shape, dict):
            raise ValueError("no shape of a network")  # noqa: TRY004
        classes = json.loads(texts["classes"])
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path} is no weights file of this program ({error}).", NOT_OURS
        ) from (error)
    if classes != list(table.classes):
        raise WeightsError(
            f"{path} was trained for other regions than {', '.join(CLASSES)} and its table.",
            NOT_OURS,
        )
    return shape, table
