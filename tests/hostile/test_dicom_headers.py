"""Whatever stands in a DICOM file: it is part of a series, or told to be none; nothing crashes."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.instances import NoDicomError, hush_pydicom, read_instance
from bids_deface.dicom.options import HeaderOptions
from bids_deface.dicom.pseudonyms import Pseudonyms
from bids_deface.dicom.series import Series, collect
from bids_deface.dicom.study import stacks_of
from bids_deface.dicom.volumes import load_stacks
from bids_deface.dicom.writing import Writer
from bids_deface.errors import DefaceError
from tests.dicom.made import write_enhanced, write_series

DATA = np.arange(4 * 3 * 8, dtype=np.uint16).reshape(4, 3, 8)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    hush_pydicom()
    folder = tmp_path_factory.mktemp("dicom")
    slices = write_series(folder, DATA, np.eye(4))
    enhanced = write_enhanced(folder / "e.dcm", DATA, np.eye(4))
    return folder, [path.read_bytes() for path in (slices[0], enhanced)]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    which=st.integers(0, 1),
    changes=st.lists(
        st.tuples(
            st.integers(128, 2500),
            st.binary(min_size=1, max_size=4)
            | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\0\xe0", b"SQ", b"UN"]),
        ),
        min_size=1,
        max_size=5,
    ),
    length=st.none() | st.integers(0, 2500),
)
def test_headers_of_any_content_never_crash(originals, tmp_path_factory, which, changes, length):
    content = bytearray(originals[1][which])
    for at, value in changes:
        content[at : at + len(value)] = value
    folder = tmp_path_factory.mktemp("changed")
    path = folder / "x.dcm"
    path.write_bytes(bytes(content[:length]))
    with contextlib.suppress(NoDicomError, DefaceError):
        series = Series((read_instance(path),))
        writer = Writer(Cleaner(HeaderOptions(), Pseudonyms(bytes(32))))
        with contextlib.suppress(DefaceError):
            writer.write(series, folder / "out", None)
        series.check()
        load_stacks(stacks_of(series))
    assert not list(folder.glob(".unfinished-*"))


def test_sequences_without_bottom_are_told(tmp_path):
    """A sequence in a sequence in ...: one broken file, and the others are done."""
    paths = write_series(tmp_path / "in", DATA, np.eye(4))
    write_series(tmp_path / "in", DATA, np.eye(4), name="good")
    content = paths[0].read_bytes()
    at = content.index(b"\x08\x00\x60\x00CS")
    # Referenced Study Sequence and its item, both of unknown length.
    level = b"\x08\x00\x10\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    paths[0].write_bytes(content[:at] + level * 20_000 + content[at:])
    collection = collect(tmp_path / "in")
    (foreign,) = collection.foreign
    assert foreign.path == paths[0]
    assert foreign.is_broken
    assert sorted(len(one.instances) for one in collection.series) == [7, 8]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_devices_and_loops_are_not_read(tmp_path):
    write_series(tmp_path, DATA, np.eye(4))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "me").symlink_to(tmp_path / "me")
    (tmp_path / "up").symlink_to("..")
    collection = collect(tmp_path)
    assert {f.path.name: f.reason for f in collection.foreign} == dict.fromkeys(
        ("pipe", "zero", "me"), "no plain file"
    )
    assert len(collection.series[0].instances) == DATA.shape[2]
