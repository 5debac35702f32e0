"""The audit on real heads, untouched and defaced; skipped where there are none."""

from __future__ import annotations

import pytest

from bids_deface.cli import audit
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.deface import deface_volume
from bids_deface.face_search import look_for_face
from bids_deface.settings import DefaceSettings
from tests.real.assemble import assemble, bids_path, rows_of

pytestmark = pytest.mark.real


def test_every_untouched_head_is_found(heads_dir, tmp_path, capsys):
    """Both splits that the detector was not trained on: other scanners, contrasts, positions."""
    rows = [*rows_of(heads_dir, "val")[:6], *rows_of(heads_dir, "external")[:8]]
    raw = assemble(heads_dir, tmp_path / "raw", rows)
    assert audit.main([str(raw)]) == 1
    printed = capsys.readouterr().out
    assert ": clean\n" not in printed
    assert f"{len(rows)} images looked at: {len(rows)} show a face" in printed


@pytest.mark.parametrize("level", ["features", "face"])
def test_defaced_heads_are_clean(heads_dir, tmp_path, capsys, detector, level):
    """Voxels of at most 2 mm; thick slices keep a relief that cannot be told from a feature."""
    rows = [*rows_of(heads_dir, "val")[:1], *rows_of(heads_dir, "external")[:1]]
    for row in rows:
        result = deface_volume(
            load_volume(heads_dir / row["image"]), DefaceSettings.of(level=level), detector
        )
        save_volume(result.volume, tmp_path / "out" / bids_path(row))
    assert audit.main([str(tmp_path / "out")]) == 0, capsys.readouterr().out


def test_what_others_defaced_is_told_by_feature(heads_dir, detector):
    """Their noses are gone, their eyes and ears are there."""
    for row in rows_of(heads_dir, "negative"):
        look = look_for_face(load_volume(heads_dir / row["image"]), detector)
        told = {feature.value: one.status.value for feature, one in look.features.items()}
        # Whether their mouths were cut out or lie below the last slice is a matter of millimetres.
        assert told.pop("mouth") in ("absent", "outside")
        assert told == {"eyes": "found", "nose": "absent", "ears": "found"}
        assert not any(look.faces.values())
