"""The work folder: made, set up for nipype, and tidied as images are done."""

from __future__ import annotations

import argparse
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bids_deface import __version__
from bids_deface.containers.leftovers import hold, is_left
from bids_deface.dataset.plan import Plan
from bids_deface.errors import OutputError

PREFIX = "bids-deface-"
#: Held while a run uses a folder that is its own.
LOCK = "in-use"
WORKFLOW = f"bids_deface_{__version__.replace('.', '_')}_wf"


class WorkFolder:
    """Folder of intermediate files, which show the face.

    Parameters
    ----------
    path
        Where it is.
    keep
        Whether intermediate files stay there, for a run that goes on from them.
    plan
        What is to be done.
    """

    def __init__(self, path: Path, plan: Plan, *, keep: bool) -> None:
        self.path = path
        self._plan, self._keep = plan, keep
        self._base = path / WORKFLOW
        self._left = Counter(image.record.subject for image in plan.todo)
        # Other images may still lend their regions when the last one to do is stored.
        for image in plan.images:
            if image not in plan.todo:
                self._left[image.record.subject] += 1

    def image_done(self, subject: str) -> None:
        """Remove a subject's intermediate files as soon as all its images are stored."""
        self._left[subject] -= 1
        if not self._left[subject] and not self._keep:
            self.forget(subject)

    def forget(self, subject: str) -> None:
        """Remove what is there of one subject: other runs may share the folder."""
        shutil.rmtree(self._base / f"sub_{subject}_wf", ignore_errors=True)
        # What a batch plugin submitted: pickled nodes, scripts, output.
        for path in (self._base / "batch").glob(f"*.sub_{subject}_wf[._]*"):
            path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Remove what is left of this run's subjects, and folders that are empty then."""
        if self._keep:
            return
        for subject in self._plan.subjects:
            self.forget(subject)
        for path in (self._base / "batch", self._base):
            with suppress(OSError):
                path.rmdir()


@contextmanager
def work_folder(args: argparse.Namespace, plan: Plan) -> Iterator[WorkFolder]:
    """Make the work folder; remove what may not stay when the run ends, however it ends.

    Parameters
    ----------
    args
        Of the command line.
    plan
        What is to be done.

    Raises
    ------
    OutputError
        It cannot be used.
    """
    named: Path | None = args.work_dir
    path, lock = _temporary() if named is None else (named, None)
    folder = WorkFolder(path, plan, keep=named is not None and not args.clean_workdir)
    settings = None
    try:
        _refuse_datasets(path, args)
        settings = _nipype_settings(path, verbose=args.verbose > 0)
        yield folder
    finally:
        folder.tidy()
        if settings is not None:
            shutil.rmtree(settings, ignore_errors=True)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _temporary() -> tuple[Path, int]:
    """Make a folder of this run's own, and remove those of runs that were killed.

    Returns
    -------
    Path
        The folder.
    int
        Descriptor of its lock, which is given up when this process ends in whatever way.
    """
    try:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = os.open(path / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise OutputError(
            f"No temporary folder can be made ({error.strerror}).", "Choose a work folder with -w."
        ) from error
    hold(lock)
    for old in path.parent.glob(f"{PREFIX}*/{LOCK}"):
        # Somebody else's.
        with suppress(OSError):
            if is_left(old, unlocked_s=math.inf):
                shutil.rmtree(old.parent, ignore_errors=True)
    return path, lock


def _refuse_datasets(work_dir: Path, args: argparse.Namespace) -> None:
    """Raise where the work folder lies in one of the datasets; it holds originals."""
    work = work_dir.resolve()
    for folder in (args.bids_dir.resolve(), args.output_dir.resolve()):
        if folder in (work, *work.parents):
            raise OutputError(
                f"The work folder {work_dir} lies inside {folder}.",
                "Choose another -w: intermediate files show the face.",
            )


def _nipype_settings(work_dir: Path, *, verbose: bool) -> Path:
    """Give nipype its settings through a file, the one way that worker processes see too.

    It also keeps nipype from writing into the home folder, which may be read-only.
    """
    level = "INFO" if verbose else "CRITICAL"
    text = (
        f"[logging]\nworkflow_level = {level}\nutils_level = {level}\ninterface_level = {level}\n"
        "\n[execution]\ncheck_version = false\n"
    )
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="nipype-", dir=work_dir))
        (folder / "nipype.cfg").write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The work folder {work_dir} cannot be written: {error.strerror}.",
            "Choose another -w.",
        ) from error
    os.environ["NIPYPE_CONFIG_DIR"] = str(folder)
    return folder
