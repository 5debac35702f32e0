"""What the user narrowed a run down to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bids_deface.dataset.suffixes import DATATYPES, SUFFIXES
from bids_deface.errors import NoInputError, UsageError
from bids_deface.textfiles import parse_json

#: pybids entities to a value or a list of values; None means "without", ``*`` "with any".
Query = dict[str, Any]
_SIMPLE = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Filters:
    """What the user narrowed the run down to; empty means everything.

    Attributes
    ----------
    participants, sessions
        Labels without prefix.
    suffixes
        BIDS suffixes.
    include
        Datatypes beside ``anat``.
    queries
        Of ``--bids-filter-file``: an image must match one of them.
    """

    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()

    @property
    def datatypes(self) -> tuple[str, ...]:
        """Datatypes of the run: ``anat`` and those that were asked for."""
        return (DATATYPES[0], *(name for name in DATATYPES[1:] if name in self.include))

    def takes(self, datatype: str, suffix: str) -> bool:
        """Tell whether a suffix of a datatype is among what the user wants."""
        if datatype not in self.datatypes:
            return False
        return suffix in self.suffixes if self.suffixes else (datatype, suffix) in SUFFIXES


def read_filter_file(path: Path) -> tuple[Query, ...]:
    """Read ``--bids-filter-file``: a JSON object of pybids entities, or an object of those.

    In an object of objects the keys are names of queries as in fMRIPrep: ``t1w``, ``bold`` and
    other suffixes stand for that suffix, ``anat``, ``func`` ... for that datatype, unless the
    query says otherwise; any other name means nothing.

    Raises
    ------
    NoInputError
        The file cannot be read.
    UsageError
        The file has another form.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoInputError(f"The filter file {path} cannot be read.") from error
    except ValueError as error:
        raise UsageError(f"The filter file {path} is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise UsageError(f"The filter file {path} must hold a JSON object.")
    named = {key: value for key, value in content.items() if isinstance(value, dict)}
    if named and len(named) < len(content):
        raise UsageError(f"The filter file {path} mixes entities and queries.")
    queries = [{**_meaning(n), **q} for n, q in named.items()] if named else [content]
    if not all(_is_simple(value) for query in queries for value in query.values()):
        raise UsageError(
            f"The filter file {path} must give each BIDS entity a value or a list of values."
        )
    return tuple(query for query in queries if query)


def _meaning(name: str) -> Query:
    """Return what the name of a query stands for."""
    if name in DATATYPES:
        return {"datatype": name}
    suffixes = {suffix for _, suffix in SUFFIXES if suffix.lower() == name.lower()}
    return {"suffix": sorted(suffixes)} if suffixes else {}


def _is_simple(value: Any) -> bool:
    return all(
        isinstance(item, _SIMPLE) for item in (value if isinstance(value, list) else [value])
    )
