"""Training recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

from bids_deface.detection.network import NetworkConfig
from bids_deface.errors import UsageError
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

PRESETS: Final[Mapping[str, Recipe]] = MappingProxyType(
    {"default": Recipe(), "jeong2020": JEONG2020}
)


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
