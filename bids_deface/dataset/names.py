"""Names of the files in the derivatives folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bids_deface.dataset.query import ImageRecord

#: Entities that BIDS does not allow on a ``defacemask``.
NOT_ON_MASK = ("echo", "inv", "part", "flip", "mt")
#: Entities that follow ``mod`` in BIDS' order.
AFTER_MOD = ("proc", "hemi", "space", "split", "recording", "chunk")
PRIVATE = "private"


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
    """

    output_dir: Path
    folder: PurePosixPath
    raw_stem: str

    @classmethod
    def of(cls, record: ImageRecord, output_dir: Path) -> OutputNames:
        """Return the names for a raw image."""
        return cls(output_dir, PurePosixPath(record.relative).parent, record.stem)

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
        """Mask of changed voxels, relative to the derivatives."""
        parts = self._mask_entities
        after = (n for n, p in enumerate(parts) if p.partition("-")[0] in AFTER_MOD)
        place = next(after, len(parts))
        entities = "_".join([*parts[:place], f"mod-{self.suffix}", *parts[place:]])
        return f"{self.folder}/{entities}_desc-face_defacemask.nii.gz"

    @property
    def relative_dseg(self) -> str:
        """Regions, relative to the derivatives; one file per modality of a session."""
        return f"{self.folder}/{self.entities}_desc-face{self.suffix}_dseg.nii.gz"

    @property
    def result(self) -> Path:
        """Record of the decision on this image, written for failures too."""
        return self.output_dir / "logs" / "images" / f"{self.raw_stem}.json"

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
        return f"{self.entities}_desc-{what}_{self.suffix}.png"

    @property
    def _mask_entities(self) -> list[str]:
        """Entities of the raw image that a ``defacemask`` may have, members told apart."""
        parts = self.entities.split("_")
        kept = [p for p in parts if p.partition("-")[0] not in NOT_ON_MASK]
        if len(kept) == len(parts):
            return parts
        # Members of a family keep apart by their acquisition label.
        extra = "".join(p.replace("-", "") for p in parts if p not in kept)
        named = [f"{p}{extra}" if p.startswith("acq-") else p for p in kept]
        if named == kept:
            place = 1 + any(p.startswith("ses-") for p in kept)
            named.insert(place, f"acq-{extra}")
        return named


def node_name(stem: str) -> str:
    """Return a nipype-legal name for an image."""
    return "".join(c if c.isalnum() else "_" for c in stem)
