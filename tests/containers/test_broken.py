"""Whatever stands in a header, there is a volume or an error with a remedy."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bids_deface.containers.extensions import without_names
from bids_deface.containers.load import load_volume, voxel_count
from bids_deface.containers.save import save_volume
from bids_deface.errors import DefaceError
from tests.containers import made

SHAPE = (3, 4, 5)
ODD = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xc0\x7f", b"\x80\x7f\0\0"]
CONTENTS = {
    ".nii": made.nifti_header("<i2", SHAPE, offset=32)
    + b"\1\0\0\0"
    + made.extension(6, b"who" * 8)
    + b"\0" * 120,
    ".hdr": made.nifti_header("<i2", SHAPE, pair=True) + b"\1\0\0\0" + made.extension(4, b"a"),
    ".mgh": made.mgh_start(4, SHAPE) + b"\0" * 150,
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=300, deadline=None)
@given(
    suffix=st.sampled_from(list(CONTENTS)),
    changes=st.lists(st.tuples(st.integers(0, 380), st.sampled_from(ODD)), max_size=3),
    noise=st.lists(st.tuples(st.integers(0, 380), st.integers(0, 255)), max_size=4),
)
# An offset of terabytes.
@example(".nii", [], [(111, 95)])
@example(".hdr", [], [(111, 81)])
def test_headers_of_any_content_never_crash(tmp_path_factory, suffix, changes, noise):
    folder = tmp_path_factory.mktemp("broken")
    content = bytearray(CONTENTS[suffix])
    for at, value in [*changes, *((at, bytes([byte])) for at, byte in noise)]:
        content[at : at + len(value)] = value
    path = made.write(folder / f"in{suffix}", bytes(content))
    made.write(folder / "in.img", b"\0" * 120)
    with contextlib.suppress(DefaceError):
        voxel_count(path)
    with contextlib.suppress(DefaceError):
        volume = load_volume(path)
        save_volume(volume, folder / f"out{suffix}")
        assert (folder / f"out{suffix}").read_bytes() == bytes(content)
        cleaned, _ = without_names(volume)
        save_volume(cleaned, folder / f"out{suffix}")
        again = load_volume(folder / f"out{suffix}")
        assert again.data.tobytes() == volume.data.tobytes()
        np.testing.assert_array_equal(again.affine, volume.affine)
