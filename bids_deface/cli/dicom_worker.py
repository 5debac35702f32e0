"""What one worker process of ``bids-deface-dicom`` does: its detector, its series."""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bids_deface.assurance.verdict import Decision
from bids_deface.containers.save import save_volume
from bids_deface.dicom.instances import hush_pydicom
from bids_deface.dicom.job import SeriesJob
from bids_deface.dicom.outcome import Outcome
from bids_deface.dicom.series import Series
from bids_deface.errors import DefaceError
from bids_deface.result import DefaceResult
from bids_deface.volume import Volume, canonical_view

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector


@dataclass(frozen=True)
class How:
    """What a worker must know.

    Attributes
    ----------
    job
        What is done with each series.
    weights, device, threads
        Of the detector.
    figures
        Private folder of pictures.
    """

    job: SeriesJob
    weights: Path
    device: str
    threads: int | None
    figures: Path


LOGGER = logging.getLogger(__name__)
REPORT = "Please report it; -vv shows where it happened, and what the header says."
#: One detector for each process; loading it takes longer than using it.
_READY: dict[str, tuple[How, FeatureDetector]] = {}


def start(how: How) -> None:
    """Get ready, once for each process."""
    import torch

    from bids_deface.detection.detector import FeatureDetector

    hush_pydicom()
    if how.threads is not None:
        torch.set_num_threads(how.threads)
    _READY["worker"] = how, FeatureDetector(how.weights, device=how.device)


def work(series: Series, lenders: tuple[Series, ...]) -> Outcome:
    """Do one series; others of its study may help."""
    how, detector = _READY["worker"]
    began = time.monotonic()

    def show(name: str, before: Volume, result: DefaceResult) -> None:
        draw(how.figures / name, before, result)

    try:
        return how.job.run(series, lenders, detector, show)
    except (DefaceError, OSError):
        raise
    except Exception as error:
        # Whatever is wrong with one series must not end the run; messages may quote the header.
        LOGGER.debug("internal error", exc_info=True)
        place = str(how.job.writer.place_of(series))
        reason = f"internal error ({type(error).__name__})"
        seconds = round(time.monotonic() - began, 1)
        return Outcome(place, Decision.FAIL.value, (reason,), REPORT, seconds=seconds)


def draw(folder: Path, before: Volume, result: DefaceResult) -> None:
    """Draw pictures of a volume before and after: for the private folder only."""
    from bids_deface.reports.pictures import draw_pictures

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work_dir = Path(name)
        volumes = {
            "original": before,
            "defaced": result.volume,
            "mask": result.mask_volume,
            "dseg": result.dseg_volume,
        }
        paths = {word: work_dir / f"{word}.nii" for word in volumes}
        for word, volume in volumes.items():
            save_volume(volume, paths[word])
        shows_skin = result.features.surface is None
        draw_pictures(
            **paths,
            threshold=result.features.threshold if shows_skin else None,
            turn=result.features.turn,
            folder=folder,
            regions=canonical_view(result.dseg, result.world),
            known=result.features.table.all_labels,
        )
