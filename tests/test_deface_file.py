from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from bids_deface import deface_image
from bids_deface.cli.image import main
from bids_deface.containers.load import load_volume
from bids_deface.containers.names import files_of
from tests.containers import made

SECRET = b"Jane Doe, born 1970"


@pytest.fixture(scope="module")
def named_file(head, tmp_path_factory):
    """The made-up head with a comment and a history in its header."""
    header = nib.Nifti1Header()
    header.set_data_dtype(head.data.dtype)
    header.set_data_shape(head.data.shape)
    header.set_sform(head.affine, 1)
    block = made.extension(6, SECRET) + made.extension(4, b"history")
    header["magic"], header["vox_offset"] = b"n+1", 352 + len(block)
    content = bytes(header.binaryblock) + b"\1\0\0\0" + block + made.voxels(head.data)
    return made.write(tmp_path_factory.mktemp("named") / "head.nii.gz", content)


@pytest.mark.parametrize("suffix", [".img", ".mgz"])
def test_pairs_and_mgh_files_are_defaced_as_what_they_are(head, tmp_path, suffix):
    source, target = tmp_path / f"in{suffix}", tmp_path / "out" / f"o{suffix}"
    if suffix == ".img":
        nib.save(nib.Nifti1Pair(head.data, head.affine), source)
    else:
        nib.save(nib.MGHImage(head.data, head.affine.astype(np.float32)), source)
    before = [made.unpacked(path) for path in files_of(source)]
    deface_image(source, target, features=["nose"], mask_file=tmp_path / "m.nii.gz", random_seed=1)
    after = [made.unpacked(path) for path in files_of(target)]
    assert [made.unpacked(path) for path in files_of(source)] == before
    assert after[:-1] == before[:-1]
    scan, defaced, mask = (load_volume(p) for p in (source, target, tmp_path / "m.nii.gz"))
    changed = scan.data != defaced.data
    assert changed.any()
    assert not changed[mask.data == 0].any()
    assert (defaced.prefix, defaced.lead, defaced.trailer) == (
        scan.prefix, scan.lead, scan.trailer,
    )  # fmt: skip
    np.testing.assert_allclose(mask.affine, scan.affine, atol=1e-4)


def test_names_in_the_header_are_dropped_with_a_note(named_file, tmp_path, capsys):
    target, mask = tmp_path / "o.nii.gz", tmp_path / "m.nii"
    assert main([str(named_file), str(target), "--features", "nose", "--mask-out", str(mask)]) == 0
    note = f"note: {named_file}: header extension dropped: comment (32 bytes)\n"
    assert note in capsys.readouterr().err
    written = made.unpacked(target)
    assert SECRET not in written
    assert written[352:368] == made.extension(4, b"history")
    assert made.unpacked(mask)[348:352] == b"\0\0\0\0"


def test_names_in_the_header_stay_on_request(named_file, tmp_path, capsys):
    target = tmp_path / "o.nii.gz"
    assert main([str(named_file), str(target), "--features", "nose", "--keep-extensions"]) == 0
    assert "note" not in capsys.readouterr().err
    assert load_volume(target).prefix == load_volume(named_file).prefix


def test_notes_of_other_scans_are_told_too(named_file, tmp_path):
    told: list[str] = []
    deface_image(
        named_file, tmp_path / "a.nii", features=["nose"], tell=told.append,
        apply_to=[(named_file, tmp_path / "b.nii")],
    )  # fmt: skip
    notes = ("extension dropped: comment (32 bytes)", "extension kept: code 4 (16 bytes)")
    assert len(told) == 4
    for note, expected in zip(told, notes * 2, strict=True):
        assert note.startswith(f"{named_file}: header {expected}")
    assert SECRET not in (tmp_path / "b.nii").read_bytes()
