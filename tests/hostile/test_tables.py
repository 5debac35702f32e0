"""Whatever stands in a file of the user's: it is understood, or one error says what is wrong."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bids_deface.cli.parser import parse
from bids_deface.dataset.derivatives import write_json
from bids_deface.dataset.filters import read_filter_file
from bids_deface.dataset.inheritance import sidecar_reader
from bids_deface.dataset.layout import open_layout
from bids_deface.dataset.pairs import read_pairs
from bids_deface.dataset.release import read_accepted
from bids_deface.dicom.private_tags import read_private_rules
from bids_deface.dicom.pseudonyms import load_key
from bids_deface.errors import DefaceError
from bids_deface.textfiles import read_json
from bids_deface.workflows.plugins import choose_plugin

DEEP = b"[" * 100_000
READERS = {
    "accepted": read_accepted,
    "pairs": read_pairs,
    "filters": read_filter_file,
    "settings": lambda path: parse(["in", "out", "participant", "--config-file", str(path)]),
    "plugin": lambda path: choose_plugin(1, 1.0, path, None, "{}"),
    "private": read_private_rules,
    "key": load_key,
    "json": read_json,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
WORDS = st.sampled_from(
    ["source", "original", "defaced", "\t", "\n", "\r", '"', "\x0c", "\u2028", "\0", "..", "/",
     "sub-1", "plugin", "plugin_args", "nprocs", "work-dir", "version", "help", "=", "[", "]",
     "{", "}", ":", ",", "1", "true", "(0019,xx0C)", "(0018,xx0C)", " SIEMENS", "#", "\ufeff"]
)  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.lists(WORDS | st.text(max_size=4), max_size=30).map(
        lambda w: "".join(w).encode("utf-8", "replace")
    ),
    JSON.map(lambda value: json.dumps(value).encode()),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@settings(max_examples=400, deadline=None)
@given(reader=st.sampled_from(sorted(READERS)), content=CONTENTS)
@example("accepted", b'source\n"' + b"x" * 200_000 + b'"\n')
@example("pairs", b"original\tdefaced\n\0\tx\n")
@example("pairs", b"original\tdefaced\n" + b"x" * 5000 + b"\tx\n")
@example("filters", b'{"a":' * 100_000)
@example("settings", b"a = " + DEEP)
@example("settings", b"version = true")
@example("settings", b"help = true")
@example("settings", b'"" = ["x"]')
@example("plugin", DEEP)
@example("plugin", b'{"plugin": 1, "plugin_args": 2}')
@example("json", DEEP)
def test_files_of_any_content_are_read_or_refused(folder, reader, content):
    path = folder / reader
    path.write_bytes(content)
    with contextlib.suppress(DefaceError):
        READERS[reader](path)
    assert path.read_bytes() == content, "what was read is as it was"


def test_names_with_odd_characters_are_one_cell(tmp_path):
    (tmp_path / "t.tsv").write_text(
        'source\nsub-1/a\u2028b\x0cc\n"sub-2/""x"""\n', encoding="utf-8"
    )
    assert set(read_accepted(tmp_path / "t.tsv")) == {"sub-1/a\u2028b\x0cc", 'sub-2/"x"'}


@pytest.mark.parametrize("content", [DEEP, b"\xff", b"[1]", b'{"a": 1', b"9" * 5000])
def test_a_broken_sidecar_is_named(make_bids, content):
    raw = make_bids({"sub-1/anat/sub-1_T1w.nii.gz": b"", "sub-1/anat/sub-1_T1w.json": content})
    with pytest.raises(DefaceError, match=r"sub-1_T1w\.json"):
        sidecar_reader(raw)(raw / "sub-1/anat/sub-1_T1w.nii.gz")


def test_half_a_character_in_a_sidecar_survives(tmp_path):
    content = json.loads('{"Manufacturer": "\\ud800 \\u00fc"}')
    write_json(tmp_path / "x.json", content)
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8")) == content


def test_a_bidsignore_that_is_no_text_is_no_reason_to_stop(make_bids):
    raw = make_bids({"sub-1/anat/sub-1_T1w.nii.gz": b"", ".bidsignore": b"\xff\xfe[(*\n**/**/x\n"})
    assert [f.filename for f in open_layout(raw).get(suffix="T1w")] == ["sub-1_T1w.nii.gz"]
