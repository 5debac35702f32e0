from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.root_files import BIDSIGNORE
from bids_deface.dataset.suffixes import SUFFIXES
from tests.dataset.test_suffixes import record

#: In the order of BIDS; labels that could be taken for another entity's.
LABELS = {
    "ses": ("a", "echo1"),
    "task": ("rest", "mod"),
    "acq": ("hi", "hiecho1", "echo1", "inv1partmag"),
    "ce": ("gad",),
    "trc": ("FDG", "dirAP"),
    "rec": ("norm", "run1"),
    "dir": ("AP", "APecho1"),
    "run": ("1", "01", "2"),
    "echo": ("1", "11"),
    "flip": ("1", "2"),
    "inv": ("1", "2"),
    "mt": ("on", "off"),
    "part": ("mag", "phase"),
    "chunk": ("1", "2"),
}


@st.composite
def raw_names(draw: st.DrawFn) -> str:
    """Return the path of an image with some entities; tracers are of PET, directions are not."""
    datatype, suffix = draw(st.sampled_from(sorted(SUFFIXES)))
    foreign = "dir" if datatype == "pet" else "trc"
    keys = draw(st.sets(st.sampled_from(sorted(set(LABELS) - {foreign}))))
    chosen = [f"{key}-{draw(st.sampled_from(LABELS[key]))}" for key in LABELS if key in keys]
    folder = ["sub-1", *(part for part in chosen if part.startswith("ses-")), datatype]
    return f"{'/'.join(folder)}/{'_'.join(['sub-1', *chosen, suffix])}.nii.gz"


def files(raw: str) -> list[str]:
    names = OutputNames.of(record(raw), Path("/out"))
    return [names.relative_image, names.relative_mask, names.relative_dseg]


@settings(max_examples=300, deadline=None)
@given(st.sets(raw_names(), min_size=2, max_size=30))
def test_no_two_images_get_the_same_names(raw):
    outputs = [name for image in sorted(raw) for name in files(image)]
    assert len(set(outputs)) == len(outputs)
    assert raw.isdisjoint(outputs)


def test_masks_outside_anat_are_no_bids_files():
    ignored = BIDSIGNORE.splitlines()
    for datatype in ("fmap", "func", "dwi", "perf", "pet"):
        assert f"**/{datatype}/*_defacemask.*" in ignored
        assert (f"**/{datatype}/*_dseg.*" in ignored) is (datatype not in ("func", "dwi"))
    assert not any("anat" in line for line in ignored)
