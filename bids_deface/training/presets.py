"""Training recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from bids_deface.anatomy import CLASSES
from bids_deface.detection.network import NetworkConfig
from bids_deface.errors import UsageError
from bids_deface.feature_table import FeatureTable
from bids_deface.training.augment import AugmentConfig
from bids_deface.training.geometry import GeometryConfig
from bids_deface.training.losses import LossConfig


@dataclass(frozen=True)
class Recipe:
    """Everything that defines a training run.

    Attributes
    ----------
    network, augmentation, loss
        The three parts of the model.
    learning_rate
        Peak (default recipe) or constant (``jeong2020``) learning rate.
    new_only
        Learn features of a table only, in a side branch; the standard ones stay as they are.
    one_cycle
        Whether the rate warms up and then falls to zero; else it is constant.
    weight_decay
        Decoupled weight decay (AdamW); 0 is Adam.
    average
        Decay of the exponential moving average of the weights; 0 ships the raw weights.
    steps
        Number of training samples seen, batch size 1.
    validate_every
        Steps between validations (an epoch of the paper: 576).
    patience
        Validations without a better Dice before training stops; 0 never stops early.
    """

    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    learning_rate: float = 2e-3
    new_only: bool = False
    one_cycle: bool = True
    weight_decay: float = 1e-4
    average: float = 0.998
    steps: int = 20_000
    validate_every: int = 500
    patience: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-serialisable form for the checkpoint and the model card."""
        return asdict(self)


#: Jeong et al. 2020 (doi 10.2196/22739), on this project's grid and classes.
JEONG2020: Final = Recipe(
    network=NetworkConfig(widths=(16, 32, 64, 128), squeeze_excitation=True),
    augmentation=AugmentConfig(
        geometry=GeometryConfig(
            rotation_deg=15.0, zoom=(0.9, 1.1), shear=0.2, shift=0.1, warp_mm=0.0, transpose=True
        ),
        contrast=0.0,
        artefact=0.0,
        crop=0.0,
        negative=0.0,
        noise=0.1,
    ),
    loss=LossConfig(cross_entropy=0.1, class_weights=(1.0,) * 6, present_only=False),
    learning_rate=2e-4,
    one_cycle=False,
    weight_decay=0.0,
    average=0.0,
    steps=576 * 200,
    validate_every=576,
    patience=5,
)

#: For weights that are trained already: smaller turns, a lower rate, a short average.
FINETUNE: Final = Recipe(
    augmentation=AugmentConfig(
        geometry=GeometryConfig(rotation_deg=20.0, zoom=(0.85, 1.15)),
        artefact=0.15,
        crop=0.15,
        negative=0.1,
    ),
    learning_rate=1e-2,
    new_only=True,
    average=0.95,
    steps=2_000,
    validate_every=100,
)

PRESETS: Final[Mapping[str, Recipe]] = MappingProxyType(
    {"default": Recipe(), "finetune": FINETUNE, "jeong2020": JEONG2020}
)
#: Weight of a class of a table in the cross-entropy.
EXTRA_WEIGHT: Final = 2.0


def for_table(recipe: Recipe, network: NetworkConfig, table: FeatureTable) -> Recipe:
    """Return a recipe for a network that learns the features of a table, too.

    Parameters
    ----------
    recipe
        For the standard features.
    network
        Shape of the network, one channel for each class.
    table
        Features beside the standard ones.
    """
    weights = (*recipe.loss.class_weights[: len(CLASSES)], *([EXTRA_WEIGHT] * len(table.names)))
    return replace(recipe, network=network, loss=replace(recipe.loss, class_weights=weights))


def find_preset(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    UsageError
        There is no such preset.
    """
    if name not in PRESETS:
        raise UsageError(f"Unknown preset {name!r}.", f"Choose from {' '.join(PRESETS)}.")
    return PRESETS[name]
