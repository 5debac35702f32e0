"""A folder of DICOM files, sorted into series."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from pydicom.uid import ExplicitVRBigEndian

from bids_deface.dicom.frame_headers import NO_IMAGE
from bids_deface.dicom.instances import Instance, NoDicomError, read_instance
from bids_deface.dicom.stacking import LEAST_SLICES
from bids_deface.errors import NoInputError, ReadError, SeriesError

#: A localiser with so many parallel slices is a scan of a volume: it shows a face.
LEAST_VOLUME: Final = 24
#: Kinds of objects without pixels that hold texts and numbers only, and no surface of anybody.
TEXT_MODALITIES: Final = ("SR", "KO", "PR", "DOC")


@dataclass(frozen=True)
class Foreign:
    """A file that is no part of any series: what it is, and whether an image is lost with it."""

    path: Path
    reason: str
    is_broken: bool = False


@dataclass(frozen=True)
class Series:
    """The files of one series.

    Attributes
    ----------
    instances
        One for each file, in the order of their paths.
    """

    instances: tuple[Instance, ...]

    @property
    def first(self) -> Instance:
        """Any of its files."""
        return self.instances[0]

    @property
    def n_frames(self) -> int:
        """Number of slices, repetitions included."""
        return sum(len(one.frames) for one in self.instances)

    @property
    def _most_parallel(self) -> int:
        """Number of slices in the direction that has most."""
        directions = Counter(
            tuple(round(value, 1) for value in (*frame.along_row, *frame.along_column))
            for one in self.instances
            for frame in one.frames
        )
        return max(directions.values(), default=0)

    def is_one_scan_with(self, other: Series) -> bool:
        """Tell whether both came out of one acquisition, so that the head cannot have moved."""
        mine, others = ({one.acquired for one in series.instances} for series in (self, other))
        return mine == others and "" not in mine

    @property
    def is_burned_in(self) -> bool:
        """Whether text may stand in the pixels; pictures that do not deny it may hold some."""
        return any(
            one.burned_in.upper() == "YES" or (one.is_picture and one.burned_in.upper() != "NO")
            for one in self.instances
        )

    @property
    def not_to_copy(self) -> str:
        """Why a series that is no scan must not be copied as it is; empty if it may be."""
        if self.is_burned_in:
            return "text may be burned into its pixels"
        if any(one.is_picture and one.features.upper() != "NO" for one in self.instances):
            return "nothing says that it shows no face"
        if any(not one.n_images and one.modality not in TEXT_MODALITIES for one in self.instances):
            return "it may hold the outline of a face, or a document"
        return ""

    @cached_property
    def other(self) -> str:
        """Why the series is no scan of a volume; empty if it is one."""
        if all(not one.n_images for one in self.instances):
            return f"{NO_IMAGE} (modality {self.first.modality or 'unknown'})"
        if all(one.is_picture for one in self.instances):
            return f"a picture (modality {self.first.modality or 'unknown'})"
        if self._is_mosaic:
            return ""
        if "LOCALIZER" in self._types and self._most_parallel < LEAST_VOLUME:
            return "a localiser"
        if sum(one.n_images for one in self.instances) < LEAST_SLICES:
            return "too few slices for a head"
        return ""

    @property
    def _types(self) -> set[str]:
        return {value.upper() for one in self.instances for value in one.image_type}

    @property
    def _is_mosaic(self) -> bool:
        return "MOSAIC" in self._types

    def check(self) -> None:
        """Raise `SeriesError` where its files cannot belong together, or show no volume."""
        if self._is_mosaic:
            raise SeriesError(
                "it is a Siemens mosaic, many slices in one picture.",
                "Convert it and deface the NIfTI.",
            )
        if len({one.patient for one in self.instances}) > 1:
            raise SeriesError(
                "its files name more than one patient.",
                "Somebody's images are in a wrong folder: find out whose, then run again.",
            )
        if len({one.study_uid for one in self.instances}) > 1:
            raise SeriesError("its files belong to more than one study.")
        uids = [one.sop_uid for one in self.instances]
        if len(set(uids)) < len(uids):
            raise SeriesError(
                "the same image is there twice.", "Remove the copies, then run again."
            )
        if any(one.syntax == ExplicitVRBigEndian for one in self.instances):
            raise SeriesError(
                "it is stored in big-endian order, which the standard gave up in 2006.",
                "Convert it first, for example with dcmconv +te.",
            )
        problems = [one for one in self.instances if one.problem]
        if problems and not self.other:
            raise SeriesError(f"{problems[0].path.name}: {problems[0].problem}.")
        if any(one.photometric != "MONOCHROME2" for one in self.instances) and not self.other:
            raise SeriesError(f"its pixels are {self.first.photometric}, not MONOCHROME2.")


@dataclass(frozen=True)
class Collection:
    """What a folder holds: series, and files that are none."""

    series: tuple[Series, ...]
    foreign: tuple[Foreign, ...]


def collect(folder: Path, tick: Callable[[], object] | None = None) -> Collection:
    """Sort the files of a folder, at any depth, into series.

    Parameters
    ----------
    folder
        Where to look; file names and extensions do not matter.
    tick
        Called after each file.

    Raises
    ------
    NoInputError
        There is no such folder, or no DICOM in it.
    """
    if not folder.is_dir():
        raise NoInputError(f"{folder} is no folder.")
    found: dict[str, list[Instance]] = defaultdict(list)
    foreign: list[Foreign] = []
    for path in files_in(folder):
        if not path.is_file():
            # A pipe would be waited for, a device read for ever.
            foreign.append(Foreign(path, "no plain file"))
            continue
        try:
            one = read_instance(path)
            found[one.series_uid].append(one)
        except NoDicomError as error:
            foreign.append(Foreign(path, str(error), error.is_broken))
        except ReadError as error:
            foreign.append(Foreign(path, error.message, is_broken=True))
        if tick is not None:
            tick()
    if not found:
        raise NoInputError(f"{folder} holds no DICOM images.")
    return Collection(tuple(Series(tuple(ones)) for ones in found.values()), tuple(foreign))


def files_in(folder: Path) -> Iterable[Path]:
    """Yield all files under a folder, sorted; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(place, name)
