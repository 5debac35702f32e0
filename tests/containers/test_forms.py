from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from tests.containers import made

SHAPE = (20, 30, 40)
MIRRORED = np.diag([-1.0, 1, 1, 1])


def turned(degrees):
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return turn


def scan(folder, qform, *, codes=(1, 1)):
    header = nib.Nifti1Header()
    header.set_data_dtype("u1")
    header.set_data_shape(SHAPE)
    header.set_zooms((1, 1, 1))
    header.set_sform(np.eye(4), codes[1])
    header.set_qform(qform, codes[0])
    header["magic"], header["vox_offset"] = b"n+1", 352
    content = bytes(header.binaryblock) + b"\0" * (4 + 24_000)
    return made.write(folder / "a.nii", content)


def test_forms_that_agree_need_no_note(tmp_path):
    assert load_volume(scan(tmp_path, np.eye(4))).notes == ()
    assert (
        load_volume(scan(tmp_path, nib.affines.from_matvec(np.eye(3), [0.09, 0, 0]))).notes == ()
    )
    assert load_volume(scan(tmp_path, turned(9), codes=(0, 1))).notes == ()
    assert load_volume(scan(tmp_path, turned(9), codes=(1, 0))).notes == ()


@pytest.mark.parametrize(
    ("qform", "words"),
    [
        (nib.affines.from_matvec(np.eye(3), [0.3, 0, 0.4]), "by 0.5 mm; the sform is used"),
        (turned(1), "by 0.6 mm; the sform is used"),
        (MIRRORED, "by 39.0 mm and in handedness; the sform is used"),
    ],
)
def test_forms_that_disagree_are_noted_and_stay(tmp_path, qform, words):
    source = scan(tmp_path, qform)
    volume = load_volume(source)
    assert volume.notes == (f"qform and sform disagree {words}",)
    np.testing.assert_array_equal(volume.affine, np.eye(4))
    save_volume(volume, tmp_path / "out.nii")
    assert (tmp_path / "out.nii").read_bytes() == source.read_bytes()


def test_a_broken_qform_is_noted(tmp_path):
    source = scan(tmp_path, np.eye(4))
    content = bytearray(source.read_bytes())
    content[256:268] = np.full(3, 5, "<f4").tobytes()
    volume = load_volume(made.write(source, bytes(content)))
    assert volume.notes == ("the qform is broken; the sform is used",)
