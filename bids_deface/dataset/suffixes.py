"""What the suffixes of BIDS say about an image: contrast or map, best reference, family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: Entities that tell the members of one family apart.
MEMBER_ENTITIES = ("echo", "flip", "inv", "mt", "part")
#: Parts of a complex image other than its magnitude.
NO_MAGNITUDE = ("phase", "real", "imag")
#: Suffixes whose values are angles.
PHASES = ("phase", "phasediff", "phase1", "phase2")
FLIP_ANGLE = "famp"
#: B1 scans whose images are told apart by their acquisition.
MEMBER_ACQUISITIONS = {
    "TB1TFL": ("anat", FLIP_ANGLE),
    "TB1RFM": ("anat", FLIP_ANGLE),
    "TB1AFI": ("tr1", "tr2"),
}


@dataclass(frozen=True)
class Suffix:
    """One suffix within one datatype.

    Attributes
    ----------
    name, datatype
        ``T1w``, ``anat``.
    rank
        Place among the references of a session: 0 is the best (``T1w``).
    own_signal
        False for maps and phases: skin shows no edge against air there, or none to rely on, so
        the regions must come from another image.
    family
        Equal for suffixes that one scan produces on one grid.
    """

    name: str
    datatype: str
    rank: int
    own_signal: bool
    family: str


#: Images with signal of their own, best reference first. Slow blood and fat keep the skin visible
#: in ``angio``; ``MTR``, ``MTS`` ... are the images maps are made from. Of ``TB1TFL`` and
#: ``TB1RFM`` this holds for the anatomical image.
_CONTRASTS = (
    "anat: T1w UNIT1 T2w FLAIR PDw PDT2 T2starw MP2RAGE inplaneT1 inplaneT2 MEGRE MESE VFA IRT1",
    "anat: MPM MTS MTR angio T2star FLASH PD",
    "fmap: magnitude1 magnitude magnitude2 RB1COR TB1TFL TB1RFM TB1AFI TB1SRGE TB1DAM TB1EPI",
    "func: sbref",
    "dwi: sbref",
    "perf: m0scan",
    "fmap: m0scan epi",
    "func: bold cbv",
    "dwi: dwi",
    "perf: asl",
)
_MAPS = (
    "anat: T1map T2map T2starmap R1map R2map R2starmap PDmap PDT2map MTsat MTVmap MTRmap MWFmap",
    "anat: T1rho Chimap M0map S0map",
    "fmap: phasediff phase1 phase2 fieldmap TB1map RB1map",
    "func: phase",
    "dwi: S0map trace ADC expADC FA colFA",
    # Uptake follows no skin, and no detection was tried on it.
    "pet: pet",
)
_GRADIENT_ECHOES = ("magnitude", "magnitude1", "magnitude2", "phasediff", "phase1", "phase2")
_FAMILIES = {
    **dict.fromkeys([("anat", "UNIT1"), ("anat", "MP2RAGE")], "MP2RAGE"),
    **{("fmap", name): "fieldmap" for name in (*_GRADIENT_ECHOES, "fieldmap")},
    **{("func", name): "bold" for name in ("sbref", "phase")},
    ("dwi", "sbref"): "dwi",
    ("perf", "m0scan"): "asl",
}


def _pairs(lines: Iterable[str]) -> list[tuple[str, str]]:
    split = (line.partition(": ") for line in lines)
    return [(datatype, name) for datatype, _, names in split for name in names.split()]


def _table() -> dict[tuple[str, str], Suffix]:
    contrasts = _pairs(_CONTRASTS)
    return {
        (datatype, name): Suffix(
            name, datatype, rank, rank < len(contrasts), _FAMILIES.get((datatype, name), name)
        )
        for rank, (datatype, name) in enumerate([*contrasts, *_pairs(_MAPS)])
    }


#: By datatype and suffix; a suffix may belong to two datatypes.
SUFFIXES: Mapping[tuple[str, str], Suffix] = _table()
#: Datatypes whose images may show a head; the first is always taken.
DATATYPES = tuple(dict.fromkeys(datatype for datatype, _ in SUFFIXES))


def describe(datatype: str, name: str) -> Suffix:
    """Return what is known of a suffix; one that is not known ranks last and has a signal."""
    unknown = Suffix(name, datatype, len(SUFFIXES), own_signal=True, family=name)
    return SUFFIXES.get((datatype, name), unknown)


def shows_tissue(datatype: str, name: str, entities: Mapping[str, str]) -> bool:
    """Tell whether head and air can be told apart in an image by itself.

    Parameters
    ----------
    datatype, name
        ``anat``, ``T1w``.
    entities
        Of the file name, short keys: ``{"part": "phase"}``.
    """
    if entities.get("part") in NO_MAGNITUDE or _is_flip_angle(name, entities):
        return False
    return describe(datatype, name).own_signal


def is_phase(name: str, entities: Mapping[str, str]) -> bool:
    """Tell whether the values of an image are angles: any may stand anywhere."""
    return name in PHASES or entities.get("part") == "phase"


def family(datatype: str, name: str, entities: Mapping[str, str]) -> str:
    """Return a key that is equal for images that one scan produced, and so share a grid.

    Parameters
    ----------
    datatype, name
        ``anat``, ``MEGRE``.
    entities
        Of the file name, short keys, in their order.

    Returns
    -------
    str
        Such as ``anat/sub-01_ses-1_acq-x_MP2RAGE``.
    """
    dropped = list(MEMBER_ENTITIES)
    if entities.get("acq") in MEMBER_ACQUISITIONS.get(name, ()):
        dropped.append("acq")
    kept = [f"{key}-{label}" for key, label in entities.items() if key not in dropped]
    return f"{datatype}/{'_'.join([*kept, describe(datatype, name).family])}"


def _is_flip_angle(name: str, entities: Mapping[str, str]) -> bool:
    flip_angles = [name for name, labels in MEMBER_ACQUISITIONS.items() if FLIP_ANGLE in labels]
    return name in flip_angles and entities.get("acq", "").startswith(FLIP_ANGLE)
