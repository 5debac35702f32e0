"""What to hide and how: the choices of one job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bids_deface.anatomy import ALL_FEATURES, FacialFeature, labels_of
from bids_deface.distortion.methods import PROTOCOLS, Protocol
from bids_deface.errors import UsageError
from bids_deface.feature_table import DESCRIPTIONS, STANDARD, FeatureMethod, FeatureTable
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
    extras
        Features to hide that the weights know beside the standard ones, and how.
    table
        All features that the weights know beside the standard ones.
    """

    features: tuple[FacialFeature, ...] = ALL_FEATURES
    protocol: str = "default"
    random_seed: int | None = None
    level: Level = Level.FEATURES
    on_doubt: OnDoubt = OnDoubt.REVIEW
    landmarks: bool = False
    extras: FeatureTable = STANDARD
    table: FeatureTable = STANDARD

    @classmethod
    def of(
        cls,
        features: Iterable[str] | None = None,
        protocol: str = "default",
        random_seed: int | None = None,
        level: str = "features",
        on_doubt: str = "review",
        landmarks: bool = False,
        *,
        table: FeatureTable = STANDARD,
        methods: Mapping[str, str] | None = None,
    ) -> DefaceSettings:
        """Check names and fill in all features where none are chosen.

        Parameters
        ----------
        features
            Names, of the protocol's features and of the table's; None takes all.
        protocol, random_seed, level, on_doubt
            As the attributes.
        table
            Features that the weights know beside the standard ones.
        methods
            How features of the table are hidden, where not as it says.

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
        otherwise = features is not None or protocol != "default" or methods
        if level == Level.FACE and otherwise:
            raise UsageError(
                "At the level face all of the face is hidden, in one way.",
                "Leave out --features, --method and --protocol, or choose --level features.",
            )
        own = PROTOCOLS[protocol].features
        known = (*own, *table.names)
        chosen = known if features is None else tuple(features)
        for name in chosen:
            if name not in known:
                raise UsageError(
                    f"Unknown feature {str(name)!r} for protocol {protocol}.",
                    f"Choose from {' '.join(known)}.",
                )
        if not chosen:
            raise UsageError("No feature chosen.", f"Choose from {' '.join(known)}.")
        order = tuple(f for f in own if f in chosen)
        seed = None if random_seed is None else Seed(random_seed)
        _check_methods(methods or {}, [name for name in table.names if name in chosen])
        extras = table.chosen(map(str, chosen), methods or {})
        strength = Level(level), OnDoubt(on_doubt)
        return cls(order, protocol, seed, *strength, landmarks, extras, table)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all features to hide."""
        return (*(feature.value for feature in self.features), *self.extras.names)

    @property
    def chosen_methods(self) -> dict[str, str]:
        """How features are hidden otherwise than their table says."""
        return {
            feature.name: feature.method.value
            for feature in self.extras.features
            if feature.method is not self.table.feature(feature.name).method
        }

    @property
    def labels(self) -> frozenset[int]:
        """Label indices of the chosen features."""
        own = {index for feature in self.features for index in labels_of(feature)}
        return frozenset(own | {row.index for row in self.extras.labels})

    @property
    def methods(self) -> Protocol:
        """The chosen set of methods."""
        return PROTOCOLS[self.protocol]

    @property
    def descriptions(self) -> dict[str, str]:
        """What is done, in words: feature (or ``face``) to sentence."""
        if self.level is Level.FACE:
            return {"face": FACE_DESCRIPTION}
        own = {f.value: self.methods.descriptions[f] for f in self.features}
        return own | {f.name: DESCRIPTIONS[f.method] for f in self.extras.features}


def _check_methods(methods: Mapping[str, str], chosen: Iterable[str]) -> None:
    """Raise `UsageError` unless methods are known and meant for chosen features of the table."""
    names = [*chosen]
    for name, method in methods.items():
        if name not in names:
            raise UsageError(
                f"No method can be chosen for {name!r}.",
                "The standard features are hidden as --protocol says; of this model's own ones, "
                f"chosen are: {' '.join(names) or 'none'}.",
            )
        if method not in [*FeatureMethod]:
            raise UsageError(
                f"Unknown method {method!r} for {name}.", f"Choose from {' '.join(FeatureMethod)}."
            )
