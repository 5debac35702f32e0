from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from bids_deface.assurance.identity import HeadPrint, Person, Probe
from bids_deface.cli import identity
from bids_deface.cli.main import main as bids_deface
from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.errors import NoHeadError, ReadError
from bids_deface.population import synthetic_head
from tests.conftest import tree

HEADER = ["attacker", "area", "probe", "heads", "rank_1", "rank_1_low", "rank_1_high"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture
def table(tmp_path) -> Path:
    """A table of six pairs of files, none of which is an image."""
    lines = ["original\tdefaced"]
    for n in range(6):
        for kind in ("original", "defaced"):
            (tmp_path / f"{kind}{n}.nii.gz").write_bytes(b"")
        lines.append(f"original{n}.nii.gz\tdefaced{n}.nii.gz")
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(params=[False, True], ids=["no head", "disk"])
def made_up_persons(monkeypatch, request):
    """Persons whose rescan is like them and whose defaced image is like nobody; one is lost."""
    broken = request.param

    def load(pair, number, detector, recogniser=None):
        if number == 0:
            raise (NoHeadError, ReadError)[broken]("no brain was found.")
        rng = np.random.default_rng(number)

        def seen(noise: float, like: float = 1.0) -> HeadPrint:
            own = np.random.default_rng(number).normal(0, like, (3, 4))
            radii = (own + rng.normal(0, noise, (3, 4)) if noise else own).astype(np.float32)
            return HeadPrint(radii, {"HOG": radii.ravel()})

        probes = {
            Probe.RESCAN: seen(0.01),
            Probe.DEFACED: seen(0, like=0.0),
            Probe.DEFACED_RESCAN: seen(0, like=0.0),
        }
        return Person(seen(0), probes, np.ones((3, 4), bool))

    monkeypatch.setattr("bids_deface.cohort.load_person", load)


def test_only_rates_are_written(table, made_up_persons, tmp_path, capsys):
    before = tree(tmp_path)
    code = identity.main(["--pairs", str(table), "--out", str(tmp_path / "out" / "deeper")])
    assert code == 0
    printed = capsys.readouterr().out
    assert "[1/6] original0.nii.gz: left out: no brain was found." in printed
    assert "[6/6] original5.nii.gz: looked at" in printed
    assert "5 heads; by chance 20 % and 100 %" in printed
    after = tree(tmp_path)
    new = {name: after[name] for name in after.keys() - before.keys()}
    assert sorted(new) == ["out/deeper/identity.json", "out/deeper/identity.tsv"]
    found = rows(tmp_path / "out/deeper/identity.tsv")
    assert list(found[0])[:7] == HEADER
    dictionary = json.loads(new["out/deeper/identity.json"])
    assert list(dictionary) == list(found[0])
    assert {row["heads"] for row in found} == {"5"}
    rates = {(row["attacker"], row["probe"]): float(row["rank_1"]) for row in found[::-1]}
    assert rates["surface", "rescan"] == 1
    assert rates["picture, HOG", "rescan"] == 1
    assert rates["surface", "defaced"] == pytest.approx(0.2)
    for content in new.values():
        assert b"original0" not in content
        assert str(tmp_path).encode() not in content


def test_nothing_is_written_unless_asked_for(table, made_up_persons, tmp_path):
    before = tree(tmp_path)
    assert identity.main(["--pairs", str(table)]) == 0
    assert tree(tmp_path) == before


def test_exit_codes(table, tmp_path, capsys, monkeypatch):
    assert identity.main([]) == 64
    assert identity.main(["--originals", str(tmp_path)]) == 64
    assert identity.main(["--pairs", str(table), "--originals", "x", "--defaced", "y"]) == 64
    assert identity.main(["--pairs", str(tmp_path / "none.tsv")]) == 66
    assert identity.main(["--originals", str(tmp_path), "--defaced", str(tmp_path)]) == 66
    capsys.readouterr()
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:5]))
    assert identity.main(["--pairs", str(table)]) == 65
    assert "4 persons are too few" in capsys.readouterr().err


def test_images_that_cannot_be_judged_do_not_count(table, tmp_path, capsys):
    """The files are empty: each is left out with its reason, and too few are left."""
    assert identity.main(["--pairs", str(table), "--out", str(tmp_path / "out")]) == 65
    printed = capsys.readouterr()
    assert printed.out.count("left out:") == 6
    assert "0 persons are too few" in printed.err
    assert not (tmp_path / "out").exists()


def test_two_grids_are_no_pair(tmp_path, head_file, save_nifti, capsys):
    other = save_nifti(tmp_path / "other.nii.gz", np.zeros((4, 4, 4), np.int16))
    lines = ["original\tdefaced"]
    for n in range(5):
        copy = tmp_path / f"{n}.nii.gz"
        copy.write_bytes(head_file.read_bytes())
        lines.append(f"{copy}\t{other}")
    table = tmp_path / "pairs.tsv"
    table.write_text("\n".join(lines) + "\n")
    assert identity.main(["--pairs", str(table)]) == 65
    assert capsys.readouterr().out.count("do not share a grid") == 5


def test_a_recogniser_that_is_not_installed_is_told(table, monkeypatch, capsys):
    monkeypatch.setattr("bids_deface.assurance.recogniser.PACKAGE", "no_such_package")
    assert identity.main(["--pairs", str(table), "--recogniser"]) == 69
    assert "pip install 'bids-deface[recogniser]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def group(tmp_path_factory) -> tuple[Path, Path]:
    """Five subjects, and derivatives in which everything but the brain is air."""
    raw, out = (tmp_path_factory.mktemp("group") / name for name in ("raw", "out"))
    for n in range(5):
        head = synthetic_head(np.random.default_rng(40 + n), zoom=1.5)
        stem = f"sub-{n}/anat/sub-{n}"
        files = {
            raw / f"{stem}_T1w.nii.gz": nifti_bytes(head),
            out / f"{stem}_desc-defaced_T1w.json": json.dumps(
                {"Sources": [f"bids:raw:{stem}_T1w.nii.gz"]}
            ).encode(),
            out / f"logs/images/sub-{n}_T1w.json": json.dumps(
                {"Source": f"{stem}_T1w.nii.gz", "Verdict": "PASS"}
            ).encode(),
        }
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        volume = load_volume(raw / f"{stem}_T1w.nii.gz")
        bare = np.where(head.dseg == 7, volume.data, 0).astype(volume.data.dtype)
        save_volume(volume.with_data(bare), out / f"{stem}_desc-defaced_T1w.nii.gz")
    return raw, out


def test_the_group_level_can_leave_it_out(group, capsys):
    raw, out = group
    assert bids_deface([str(raw), str(out), "group", "--skip-identity"]) == 0
    assert "identity" not in capsys.readouterr().out.lower()
    assert not list(out.rglob("group_identity*"))


@pytest.mark.slow
def test_the_group_level_runs_the_identity_test(group, capsys):
    raw, out = group
    before = tree(out).keys()
    assert bids_deface([str(raw), str(out), "group"]) == 0
    assert capsys.readouterr().out.count("looked at") == 5
    new = {name for name in tree(out).keys() - before if "deface" not in name}
    assert new == {"group_identity.tsv", "group_identity.json"}
    found = rows(out / "group_identity.tsv")
    rates = {(r["attacker"], r["area"], r["probe"]): float(r["rank_1"]) for r in found}
    assert rates["surface", "face", "rescan"] >= 0.8
    assert rates["picture, HOG", "face", "rescan"] >= 0.8


def test_the_group_level_says_why_there_is_no_identity_test(group, tmp_path, capsys):
    _, out = group
    (tmp_path / "raw").mkdir()
    assert bids_deface([str(tmp_path / "raw"), str(out), "group"]) == 0
    assert "Identity test left out:" in capsys.readouterr().out
