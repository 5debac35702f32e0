"""Write the files of a series, all of them or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.instances import Instance
from bids_deface.dicom.marks import mark_headers, mark_pixels, new_file_meta
from bids_deface.dicom.pixels import put_pixels, read_frames, trim_pixels
from bids_deface.dicom.series import Series
from bids_deface.dicom.volumes import Layout, frames_of
from bids_deface.errors import DefaceError, OutputError, SeriesError

#: Start of the name of a folder that is being written.
UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Hidden:
    """What became of the pixels of a series.

    Attributes
    ----------
    layout
        Where each frame of each file lies.
    before, after
        Voxels of each stack.
    masks
        bool (column, row, slot) of each stack: what was changed.
    features
        What was to be hidden.
    complete
        Whether that is all of the face.
    """

    layout: Layout
    before: Sequence[NDArray[Any]]
    after: Sequence[NDArray[Any]]
    masks: Sequence[NDArray[np.uint8]]
    features: tuple[str, ...]
    complete: bool

    @cached_property
    def changed(self) -> bool:
        """Whether anything was."""
        return any(bool(mark.any()) for mark in self.masks)


@dataclass(frozen=True)
class Writer:
    """Writes series by one set of rules.

    Attributes
    ----------
    cleaner
        De-identifies headers.
    keep_syntax
        Keep the transfer syntax where that loses nothing.
    """

    cleaner: Cleaner
    keep_syntax: bool = False

    def place_of(self, series: Series) -> Path:
        """Return the folder of a series within the output: pseudonyms and nothing else."""
        first, names = series.first, self.cleaner.pseudonyms
        study = names.uid(first.study_uid).rpartition(".")[2][-12:] or "0"
        own = names.uid(first.series_uid).rpartition(".")[2][-12:]
        return Path(names.patient(*first.patient[:2]), f"study-{study}", f"series-{own}")

    def write(
        self,
        series: Series,
        folder: Path,
        hidden: Hidden | None,
    ) -> None:
        """Write all files of a series, compare them with the originals, then show the folder.

        Parameters
        ----------
        series
            What to write.
        folder
            Where it goes; it must not exist.
        hidden
            What became of the pixels; None leaves them as they are.

        Raises
        ------
        OutputError
            It cannot be written, or the disk holds something else.
        SeriesError
            A file cannot be read.
        """
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        except OSError as error:
            raise OutputError(f"{folder.parent} cannot be written ({error.strerror}).") from error
        try:
            draft.chmod(0o755)
            ordered = sorted(series.instances, key=_number)
            for number, one in enumerate(ordered, 1):
                target = draft / f"{number:06d}.dcm"
                self._write_file(one, target, hidden)
            draft.rename(folder)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written ({error.strerror}).") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _write_file(self, one: Instance, target: Path, hidden: Hidden | None) -> None:
        path = one.path
        try:
            dataset = dcmread(path)
            self.cleaner.clean(dataset)
        except (OSError, SeriesError):
            raise
        except Exception as error:
            # What pydicom cannot decode cannot be de-identified, either.
            raise SeriesError(
                f"{path.name}: its header cannot be de-identified ({type(error).__name__})."
            ) from error
        try:
            expected = self._save(dataset, one, target, hidden)
        except (OSError, MemoryError, DefaceError):
            raise
        except Exception as error:
            # A header can be broken in ways that show only when it is put together again.
            raise SeriesError(
                f"{path.name}: its header is broken ({type(error).__name__})."
            ) from error
        if expected is not None:
            _compare(target, expected)

    def _save(
        self, dataset: Dataset, one: Instance, target: Path, hidden: Hidden | None
    ) -> NDArray[Any] | None:
        """Write a cleaned data set; return its pixels (frame, row, column) where they are new."""
        names = self.cleaner.pseudonyms
        is_hidden = hidden is not None and hidden.complete
        mark_headers(dataset, self.cleaner.options, defaced=is_hidden)
        if hidden is None:
            trim_pixels(dataset)
        expected = None if hidden is None else self._hide(dataset, one.path, hidden)
        if expected is not None:
            # Other pixels under the same UID would be taken for the original, whatever is kept.
            dataset.SOPInstanceUID = names.uid(one.sop_uid)
            dataset.SeriesInstanceUID = names.uid(one.series_uid)
        new_file_meta(dataset)
        syntax = dataset.file_meta.TransferSyntaxUID
        dataset.save_as(
            target,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=True,
            enforce_file_format=True,
        )
        return expected

    def _hide(self, dataset: Dataset, path: Path, hidden: Hidden) -> NDArray[Any]:
        """Put the new pixels in, and say so; return them (frame, row, column)."""
        places = hidden.layout[path]
        before, after, masks = (
            frames_of(places, data) for data in (hidden.before, hidden.after, hidden.masks)
        )
        frames = []
        for index, stored in enumerate(read_frames(path)):
            if index not in after or not np.array_equal(stored, before[index]):
                raise SeriesError(f"{path.name} changed while it was worked on.")
            if ((after[index] != stored) & (masks[index] == 0)).any():
                raise SeriesError("pixels outside of the mask were changed.", "Please report it.")
            frames.append(after[index])
        pixels = np.stack(frames)
        put_pixels(dataset, pixels, keep_syntax=self.keep_syntax)
        mark_pixels(dataset, hidden.features, changed=hidden.changed, complete=hidden.complete)
        return pixels


def _number(instance: Instance) -> tuple[tuple[int, ...], str]:
    """Sort files as the scanner numbered them."""
    order = instance.frames[0].order if instance.frames else ()
    return order[::-1], str(instance.path)


def _compare(path: Path, expected: NDArray[Any]) -> None:
    """Raise unless a file that was written holds these frames."""
    found = list(read_frames(path))
    if len(found) != len(expected) or any(
        not np.array_equal(a, b) for a, b in zip(found, expected, strict=True)
    ):
        raise OutputError(
            f"{path.parent.parent}: the disk does not hold what was written.", "Check the disk."
        )
