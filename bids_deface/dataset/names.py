"""Names of the files in the derivatives folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bids_deface.dataset.query import ImageRecord
from bids_deface.kinds import PRIVATE

#: Entities that BIDS does not allow on a ``defacemask`` and on a ``dseg``: ``desc`` tells them.
#: Those with free labels come last, so that no two names are ever the same.
NOT_ON_MASK = ("echo", "flip", "inv", "mt", "part", "dir", "trc")
NOT_ON_DSEG = ("flip", "inv", "mt", "dir", "trc")
#: Entities that follow ``mod`` in BIDS' order.
AFTER_MOD = ("proc", "hemi", "space", "split", "recording", "chunk")
#: The one picture that is a mesh.
SURFACE = "surface"


@dataclass(frozen=True)
class OutputNames:
    """Where everything about one image goes.

    Attributes
    ----------
    output_dir
        Root of the derivatives.
    folder
        ``sub-01/ses-1/anat`` within it.
    raw_stem
        Name of the raw image without extension.
    companions
        Files of the raw image that are copied along: gradients of a diffusion scan.
    """

    output_dir: Path
    folder: PurePosixPath
    raw_stem: str
    companions: tuple[Path, ...] = ()

    @classmethod
    def of(cls, record: ImageRecord, output_dir: Path) -> OutputNames:
        """Return the names for a raw image."""
        folder = PurePosixPath(record.relative).parent
        return cls(output_dir, folder, record.stem, record.companions)

    @property
    def entities(self) -> str:
        """Entities of the raw image: ``sub-01_ses-1_acq-high``."""
        return self.raw_stem.rpartition("_")[0]

    @property
    def suffix(self) -> str:
        """Suffix of the raw image."""
        return self.raw_stem.rpartition("_")[2]

    @property
    def subject(self) -> str:
        """``sub-01``."""
        return self.folder.parts[0]

    @property
    def relative_image(self) -> str:
        """Defaced image, relative to the derivatives."""
        return f"{self.folder}/{self.entities}_desc-defaced_{self.suffix}.nii.gz"

    @property
    def relative_mask(self) -> str:
        """Mask of what may have changed, relative to the derivatives."""
        parts, member = _apart(self.entities, NOT_ON_MASK)
        after = (n for n, p in enumerate(parts) if p.partition("-")[0] in AFTER_MOD)
        place = next(after, len(parts))
        entities = "_".join([*parts[:place], f"mod-{self.suffix}", *parts[place:]])
        return f"{self.folder}/{entities}_desc-face{member}_defacemask.nii.gz"

    @property
    def relative_dseg(self) -> str:
        """Regions, relative to the derivatives; one file per modality of a session."""
        parts, member = _apart(self.entities, NOT_ON_DSEG)
        return f"{self.folder}/{'_'.join(parts)}_desc-face{self.suffix}{member}_dseg.nii.gz"

    @property
    def relative_companions(self) -> dict[str, Path]:
        """Copies, relative to the derivatives, and what they are copies of.

        They are the same as in the raw dataset and so is their name: BIDS has no ``desc`` for
        them, and they hold for ``desc-defaced`` by inheritance.
        """
        return {f"{self.folder}/{self.raw_stem}{p.suffix}": p for p in self.companions}

    @property
    def key(self) -> str:
        """Name that no other image of the dataset has: two datatypes may share a file name."""
        datatype = self.folder.name
        return self.raw_stem if datatype == "anat" else f"{self.raw_stem}_{datatype}"

    @property
    def result(self) -> Path:
        """Record of the decision on this image, written for failures too."""
        return self.output_dir / "logs" / "images" / f"{self.key}.json"

    @property
    def figures(self) -> Path:
        """Folder of the pictures that may be shared."""
        return self.output_dir / self.subject / "figures"

    @property
    def private_figures(self) -> Path:
        """Folder of the pictures that show the original."""
        return self.output_dir / PRIVATE / self.subject / "figures"

    @property
    def review_folder(self) -> Path:
        """Where an image that awaits review is kept: never in the shareable part."""
        return self.output_dir / PRIVATE / "review"

    def figure(self, what: str) -> str:
        """Return the file name of a picture."""
        where = "" if self.folder.name == "anat" else self.folder.name
        ending = ".surf.gii" if what.endswith(SURFACE) else ".png"
        return f"{self.entities}_desc-{what}{where}_{self.suffix}{ending}"


def _apart(entities: str, illegal: tuple[str, ...]) -> tuple[list[str], str]:
    """Return the legal entities, and the others as one label: ``echo1partmag``."""
    parts = entities.split("_")
    others = {p.partition("-")[0]: p for p in parts if p.partition("-")[0] in illegal}
    label = "".join(others[key].replace("-", "", 1) for key in illegal if key in others)
    return [part for part in parts if part not in others.values()], label


def node_name(record: ImageRecord) -> str:
    """Return a nipype-legal name for an image, equal for no two of a dataset."""
    return "".join(c if c.isalnum() else "_" for c in OutputNames.of(record, Path()).key)
