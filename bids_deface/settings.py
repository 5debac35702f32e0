"""What to hide and how: the choices of one job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bids_deface.anatomy import ALL_FEATURES, FacialFeature, labels_of
from bids_deface.distortion.methods import PROTOCOLS, Protocol
from bids_deface.errors import UsageError
from bids_deface.kinds import Level, OnDoubt

#: What ``Level.FACE`` does, for sidecars and reports.
FACE_DESCRIPTION = (
    "whole facial surface, brow to chin and ear to ear, replaced by the smoothed outline of an "
    "average head laid around the brain"
)


class Seed(int):
    """A seed that no log and no crash file tells: who knows it can repeat the fill."""

    def __repr__(self) -> str:
        """Return a word in its stead."""
        return "hidden"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Return the same word, whatever the format."""
        return repr(self)


@dataclass(frozen=True)
class DefaceSettings:
    """What to hide and how.

    Attributes
    ----------
    features
        Features to hide.
    protocol
        Name of the set of methods.
    random_seed
        Seed of the random fill; None (default) draws from the system. A seed that becomes known
        lets others repeat the fill, so none is ever written.
    level
        The chosen features, or the whole facial surface.
    on_doubt
        What becomes of an image whose verdict would be REVIEW.
    landmarks
        Estimate nasion and preauricular points before anything is hidden.
    """

    features: tuple[FacialFeature, ...] = ALL_FEATURES
    protocol: str = "default"
    random_seed: int | None = None
    level: Level = Level.FEATURES
    on_doubt: OnDoubt = OnDoubt.REVIEW
    landmarks: bool = False

    @classmethod
    def of(
        cls,
        features: Iterable[str] | None = None,
        protocol: str = "default",
        random_seed: int | None = None,
        level: str = "features",
        on_doubt: str = "review",
        landmarks: bool = False,
    ) -> DefaceSettings:
        """Check names and fill in the protocol's own features where none are chosen.

        Raises
        ------
        UsageError
            A feature, protocol or another word is unknown, the protocol has no method for a
            feature, or features are chosen though the whole face goes.
        """
        for words, word in ((Level, level), (OnDoubt, on_doubt)):
            if word not in [*words]:
                raise UsageError(f"Unknown word {word!r}.", f"Choose from {' '.join(words)}.")
        if protocol not in PROTOCOLS:
            raise UsageError(f"Unknown protocol {protocol!r}.", f"Choose from {[*PROTOCOLS]}.")
        if level == Level.FACE and (features is not None or protocol != "default"):
            raise UsageError(
                "At the level face all of the face is hidden, in one way.",
                "Leave out --features and --protocol, or choose --level features.",
            )
        known = PROTOCOLS[protocol].features
        chosen = known if features is None else tuple(features)
        for name in chosen:
            if name not in known:
                raise UsageError(
                    f"Unknown feature {str(name)!r} for protocol {protocol}.",
                    f"Choose from {' '.join(known)}.",
                )
        if not chosen:
            raise UsageError("No feature chosen.", f"Choose from {' '.join(known)}.")
        order = tuple(f for f in known if f in chosen)
        seed = None if random_seed is None else Seed(random_seed)
        return cls(order, protocol, seed, Level(level), OnDoubt(on_doubt), landmarks)

    @property
    def labels(self) -> frozenset[int]:
        """Label indices of the chosen features."""
        return frozenset(index for feature in self.features for index in labels_of(feature))

    @property
    def methods(self) -> Protocol:
        """The chosen set of methods."""
        return PROTOCOLS[self.protocol]

    @property
    def descriptions(self) -> dict[str, str]:
        """What is done, in words: feature (or ``face``) to sentence."""
        if self.level is Level.FACE:
            return {"face": FACE_DESCRIPTION}
        return {f.value: self.methods.descriptions[f] for f in self.features}
