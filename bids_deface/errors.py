"""One exception tree; each error knows its exit code and a remedy.

Exit codes follow ``sysexits.h`` and the BIDS-Apps of the field (see the README).
"""

from __future__ import annotations

from typing import ClassVar


class DefaceError(Exception):
    """Base of all errors a user can meet.

    Parameters
    ----------
    message
        What is wrong, naming the file.
    hint
        What the user can do about it.
    """

    exit_code: ClassVar[int] = 70
    default_hint: ClassVar[str] = "Please report this with the command you ran."

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint

    def __str__(self) -> str:
        """Return the message and the remedy on one line."""
        return f"{self.message} {self.hint}"

    def __reduce__(self) -> tuple[type[DefaceError], tuple[str, str]]:
        """Keep message and hint through pickling (worker processes)."""
        return type(self), (self.message, self.hint)


class ReviewNeededError(DefaceError):
    """The result cannot be judged safe without a human."""

    exit_code = 1
    default_hint = "Look at the report; nothing was written for this image."


class InvalidBIDSError(DefaceError):
    """The input folder is not a valid BIDS dataset."""

    exit_code = 16
    default_hint = "Run the BIDS validator, or pass --skip-bids-validation."


class UnknownAnalysisLevelError(DefaceError):
    """The analysis level is not one of participant and group."""

    exit_code = 17
    default_hint = "Choose participant or group."


class NothingMatchedError(DefaceError):
    """The filters leave no image to work on."""

    exit_code = 18
    default_hint = "Check --participant-label, --session-label, -m and --bids-filter-file."


class UsageError(DefaceError):
    """The command line cannot be understood."""

    exit_code = 64
    default_hint = "See --help."


class ImageError(DefaceError):
    """An image is unreadable or is not one this tool can judge."""

    exit_code = 65
    default_hint = "Check the file; a new copy from the scanner may help."


class TooFewHeadsError(DefaceError):
    """Too few heads for a figure that means something."""

    exit_code = 65
    default_hint = "The identity test needs the original and the defaced image of 5 persons."


class ReadError(DefaceError):
    """A file is there but cannot be read just now; the next run tries again."""

    exit_code = 74
    default_hint = "Check disk, network and permissions, then run the same command again."


class NoHeadError(ImageError):
    """No human head was recognised in an image."""

    default_hint = (
        "Exclude the image with --bids-filter-file if it shows no head; otherwise check its "
        "orientation (qform/sform)."
    )


class SkullStrippedError(NoHeadError):
    """There is a brain without skull and skin, but not all around it is air."""

    default_hint = "Look at the image; exclude it with --bids-filter-file if it shows no face."


class SeriesError(ImageError):
    """The files of a DICOM series do not make a volume that could be defaced."""

    default_hint = "Leave the series out of what you share, or mend it first."


class CorrectionError(ImageError):
    """A reviewer's correction does not fit its image."""

    default_hint = "Correct the file of --corrections."


class NoInputError(DefaceError):
    """An input file or folder does not exist."""

    exit_code = 66
    default_hint = "Check the path."


class WeightsError(DefaceError):
    """The detector's weights are missing or are not the ones that were shipped."""

    exit_code = 69
    default_hint = "Install bids-deface again: pip install --force-reinstall bids-deface."


class DeviceError(DefaceError):
    """The requested computing device is not there."""

    exit_code = 69
    default_hint = "Use --device cpu."


class RecogniserError(DefaceError):
    """The face recogniser or its weights are not installed."""

    exit_code = 69
    default_hint = "pip install 'bids-deface[recogniser]'."


class InstallError(DefaceError):
    """A library that this command needs is not installed."""

    exit_code = 69
    default_hint = "pip install 'bids-deface[dicom]'."


class WorkerError(DefaceError):
    """A worker process died."""

    exit_code = 75
    default_hint = "Run the same command again with a smaller --nprocs; what is done stays done."


class OutputError(DefaceError):
    """The output cannot be created where the user wants it."""

    exit_code = 73
    default_hint = "Choose another output folder."
