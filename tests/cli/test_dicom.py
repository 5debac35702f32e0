"""``bids-deface-dicom`` as users run it."""

from __future__ import annotations

import csv
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from bids_deface.cli.dicom import main
from bids_deface.dicom.outcome import Ledger
from bids_deface.population import SyntheticHead
from tests.conftest import command, tree
from tests.dicom.made import STUDY, sagittal, write_enhanced, write_series
from tests.dicom.secrets import leaks, plant

SMALL = np.arange(6 * 5 * 10, dtype=np.uint16).reshape(6, 5, 10)


@pytest.fixture(autouse=True)
def pydicom_settings() -> Iterator[None]:
    """Undo what the command sets in pydicom."""
    mode = config.settings.reading_validation_mode
    yield
    config.settings.reading_validation_mode = mode


@pytest.fixture(scope="module")
def study(head: SyntheticHead, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head and a localiser, with 60 secrets in each header, and a file that is none."""
    folder = tmp_path_factory.mktemp("study") / "in"
    data, affine = sagittal(head)

    def change(dataset: Dataset, _: int) -> None:
        plant(dataset)

    write_series(folder / "a" / "b", data, affine, change=change, suffix="")
    write_series(
        folder / "a", data[..., 60:63], affine, name="scout", change=change,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )  # fmt: skip
    (folder / "notes.txt").write_text("hello")
    return folder


@pytest.fixture(scope="module")
def done(study: Path) -> Path:
    """The output of one run over the study, in a process of its own."""
    out = study.parent / "out"
    run = command(study, out, "-vv", module="bids_deface.cli.dicom")
    (study.parent / "stdout").write_text(run.stdout)
    (study.parent / "stderr").write_text(run.stderr)
    assert run.returncode == 0, run.stdout + run.stderr
    return out


def results(out: Path) -> list[dict[str, str]]:
    with (out.with_name(f"{out.name}-private") / "results.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def images(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def test_head_comes_out_whole_and_the_localiser_stays(study: Path, done: Path) -> None:
    data = {int(dcmread(p).InstanceNumber): dcmread(p) for p in (study / "a" / "b").iterdir()}
    found = {int(dcmread(p).InstanceNumber): dcmread(p) for p in images(done)}
    assert found.keys() == data.keys()
    changed = sum(int((found[n].pixel_array != data[n].pixel_array).sum()) for n in data)
    (passed, left) = sorted(results(done), key=lambda row: row["verdict"], reverse=True)
    assert (passed["verdict"], left["verdict"]) == ("PASS", "LEFT OUT")
    assert changed == int(passed["changed_voxels"]) > 20_000
    assert changed < 0.05 * len(data) * data[1].pixel_array.size
    for n, dataset in data.items():
        assert found[n].ImagePositionPatient == dataset.ImagePositionPatient
    text = (study.parent / "stderr").read_text()
    assert "notes.txt: no DICOM file" in text


def test_no_secret_leaks(study: Path, done: Path) -> None:
    secrets = plant(dcmread(next((study / "a" / "b").iterdir())))
    assert len(secrets) >= 60
    private = done.with_name("out-private")
    content = {
        **tree(done), **{f"private/{name}": raw for name, raw in tree(private).items()},
        "stdout": (study.parent / "stdout").read_bytes(),
        "stderr": (study.parent / "stderr").read_bytes(),
    }  # fmt: skip
    assert not leaks(secrets, content)


def test_marks_say_what_was_done(done: Path) -> None:
    header = dcmread(images(done)[0], stop_before_pixels=True)
    assert header.PatientIdentityRemoved == "YES"
    assert header.RecognizableVisualFeatures == "NO"
    assert header.ImageType[0] == "DERIVED"
    codes = [code.CodeValue for code in header.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113102"]
    assert "eyes nose ears mouth" in header.DerivationDescription


def test_pictures_and_key_are_private(done: Path) -> None:
    private = done.with_name("out-private")
    assert len(list(private.rglob("head.png"))) == 1
    assert stat.S_IMODE((private / "key").stat().st_mode) == 0o600
    assert {path.suffix for path in done.rglob("*") if path.is_file()} == {".dcm"}


def test_a_second_run_does_nothing_again(
    study: Path, done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in images(done)}
    assert main([str(study), str(done)]) == 0
    assert "(0 done now)" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in images(done)} == before


def test_a_lost_file_is_written_again(tmp_path: Path) -> None:
    write_series(tmp_path / "in", SMALL, np.eye(4), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    args = [str(tmp_path / "in"), str(tmp_path / "out"), "--include-other"]
    assert main(args) == 0
    lost = images(tmp_path / "out")[3]
    uid = dcmread(lost).SOPInstanceUID
    lost.unlink()
    assert main(args) == 0
    assert dcmread(lost).SOPInstanceUID == uid


def test_dry_run_writes_nothing(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(study), str(tmp_path / "out"), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "deface" in told
    assert "leave out (a localiser)" in told
    assert not list(tmp_path.iterdir())


def test_others_come_with_clean_headers(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(
        tmp_path / "in", SMALL, np.eye(4), name="scout",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )  # fmt: skip
    write_series(
        tmp_path / "in", SMALL[..., :1], np.eye(4), name="screenshot",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
    )  # fmt: skip
    out = tmp_path / "out"
    # A head whose slices have lost their places shows a face all the same.
    data = np.zeros((8, 8, 40), np.uint16)
    write_series(tmp_path / "in", data, np.eye(4), name="lost", ImageOrientationPatient=None)
    assert main([str(tmp_path / "in"), str(out), "--include-other"]) == 1
    assert [row["verdict"] for row in results(out)].count("FAIL") == 1
    assert "text may be burned into its pixels" in capsys.readouterr().out
    found = [dcmread(path) for path in images(out)]
    assert len(found) == 10
    assert all(str(image.PatientName).startswith("ANON") for image in found)
    assert all("RecognizableVisualFeatures" not in image for image in found)
    assert {raw for image in found for raw in [image.PixelData]} == {
        np.ascontiguousarray(SMALL[..., k].T).tobytes() for k in range(10)
    }


def test_one_key_gives_the_same_pseudonyms(tmp_path: Path) -> None:
    write_series(tmp_path / "in", SMALL, np.eye(4), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    key, table = tmp_path / "safe" / "key", tmp_path / "safe" / "mapping.tsv"
    names = []
    for n, options in enumerate((["--key", key], ["--key", key, "--mapping", table], [])):
        out = tmp_path / f"out{n}"
        args = [tmp_path / "in", out, "--include-other", *options]
        assert main([str(arg) for arg in args]) == 0
        names.append([path.relative_to(out) for path in images(out)])
    assert names[0] == names[1] != names[2]
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {row["kind"]: row["original"] for row in rows}["patient"] == "PAT-0815"
    patient = next(row["replacement"] for row in rows if row["kind"] == "patient")
    assert names[0][0].parts[0] == patient
    assert stat.S_IMODE(table.stat().st_mode) == 0o600


def test_a_broken_series_costs_only_itself(
    head: SyntheticHead, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, affine = sagittal(head, every=2)
    write_series(tmp_path / "in", data, affine)
    for name in ("truncated", "mixed"):
        path = write_series(tmp_path / "in", data, affine, name=name, SeriesNumber=9)[30]
        if name == "truncated":
            path.write_bytes(path.read_bytes()[:-1000])
        else:
            dataset = dcmread(path)
            dataset.PatientName = "Else^Someone"
            dataset.save_as(path)
    before = tree(tmp_path / "in")
    assert main([str(tmp_path / "in"), str(tmp_path / "out"), "--nprocs", "2"]) == 1
    told = capsys.readouterr().out
    verdicts = sorted(row["verdict"] for row in results(tmp_path / "out"))
    assert verdicts == ["FAIL", "FAIL", "PASS"]
    assert "its pixels cannot be read" in told
    assert "more than one patient" in told
    assert "Miller" not in told
    assert len(images(tmp_path / "out")) == data.shape[2]
    # Neither half-written folders, nor folders of what failed.
    assert len([path for path in (tmp_path / "out").rglob("*") if path.is_dir()]) == 3
    assert tree(tmp_path / "in") == before


def test_what_awaits_review_is_released_by_a_person(
    head: SyntheticHead, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, affine = sagittal(head, every=2)
    # Nothing below the nose: the mouth's place can only be guessed.
    write_series(tmp_path / "in", data[:, : data.shape[1] // 2], affine)
    out, private = tmp_path / "out", tmp_path / "out-private"
    assert main([str(tmp_path / "in"), str(out)]) == 1
    (row,) = results(out)
    assert row["verdict"] == "REVIEW", row
    assert not images(out)
    assert len(images(private / "review")) == data.shape[2]
    table = tmp_path / "accepted.tsv"
    # Released is what was looked at: other files or settings would have another stamp.
    table.write_text(f"series\tstamp\n{row['series']}\t0123456789ab\n")
    assert main([str(tmp_path / "in"), str(out), "--accept", str(table)]) == 64
    assert "with this stamp" in capsys.readouterr().err
    assert not images(out)
    table.write_text(f"series\tstamp\n{row['series']}\t{row['stamp']}\n")
    assert main([str(tmp_path / "in"), str(out), "--accept", str(table)]) == 0
    assert len(images(out)) == data.shape[2]
    assert not images(private / "review")
    assert main([str(tmp_path / "in"), str(out)]) == 0
    assert "(0 done now)" in capsys.readouterr().out
    assert main([str(tmp_path / "in"), str(out), "--accept", str(table)]) == 64


def test_a_run_that_is_cut_leaves_nothing_that_counts_as_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(
        tmp_path / "in", SMALL, np.eye(4), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )  # fmt: skip
    args = [str(tmp_path / "in"), str(tmp_path / "out"), "--include-other"]
    assert main(args) == 0
    with monkeypatch.context() as patched:

        def cut(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(Ledger, "note", cut)
        assert main([*args, "--profile", "jeong2020"]) == 130
    assert {dcmread(path).StudyInstanceUID for path in images(tmp_path / "out")} == {STUDY}
    capsys.readouterr()
    assert main(args) == 0
    assert "(1 done now)" in capsys.readouterr().out
    assert STUDY not in {dcmread(path).StudyInstanceUID for path in images(tmp_path / "out")}


def test_two_runs_do_not_share_an_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in", SMALL, np.eye(4), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    args = [str(tmp_path / "in"), str(tmp_path / "out")]
    assert main(args) == 0
    private = tmp_path / "out-private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    with FileLock(private / "lock"):
        assert main(args) == 73
    assert "Another run" in capsys.readouterr().err


def test_an_unforeseen_error_costs_its_series_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in", SMALL, np.eye(4))
    write_series(
        tmp_path / "in", SMALL, np.eye(4), name="scout",
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
    )  # fmt: skip

    def fail(*_: object) -> None:
        raise RuntimeError("Miller")

    monkeypatch.setattr("bids_deface.dicom.job.stacks_of", fail)
    args = [str(tmp_path / "in"), str(tmp_path / "out"), "--include-other"]
    assert main(args) == 1
    told = capsys.readouterr()
    assert "internal error (RuntimeError)" in told.out
    assert "Miller" not in told.out + told.err
    assert sorted(row["verdict"] for row in results(tmp_path / "out")) == ["FAIL", "OTHER"]


def test_enhanced_echoes_get_the_same_regions(head: SyntheticHead, tmp_path: Path) -> None:
    data, affine = sagittal(head, every=2)
    path = write_enhanced(tmp_path / "in" / "enhanced.dcm", data, affine, echoes=2)
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    (made,) = images(tmp_path / "out")
    before, after = dcmread(path), dcmread(made)
    changed = before.pixel_array != after.pixel_array
    first, second = np.split(changed, 2)
    assert first.sum() > 2_000
    # The second echo is darker: in its air, a new value is the old one more often.
    assert (first & second).sum() > 0.8 * second.sum()
    assert after.NumberOfFrames == before.NumberOfFrames
    stamps = [
        group.FrameContentSequence[0].FrameAcquisitionDateTime
        for group in after.PerFrameFunctionalGroupsSequence
    ]
    assert set(stamps) == {"19000101000000"}
    # What can no longer be done again is not left from before.
    path.write_bytes(path.read_bytes()[:-1000])
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 1
    assert not images(tmp_path / "out")


def test_phase_takes_the_regions_of_its_study(
    head: SyntheticHead, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, affine = sagittal(head, every=2)
    phase = np.random.default_rng(5).integers(1, 4096, data.shape, dtype=np.uint16)
    kinds = ["ORIGINAL", "PRIMARY", "P", "ND"]
    time = {"AcquisitionDate": "20210203", "AcquisitionTime": "040506.1"}
    write_series(tmp_path / "in", phase, affine, name="phase", ImageType=kinds, **time)
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 1
    assert "no face is seen" in capsys.readouterr().out
    write_series(tmp_path / "in", data, affine, name="magnitude", **time)
    assert main([str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    before, after = ({}, {})
    for folder, place in ((tmp_path / "in", before), (tmp_path / "out", after)):
        for path in folder.rglob("*.dcm"):
            image = dcmread(path)
            place[image.ImageType[2], float(image.ImagePositionPatient[0])] = image.pixel_array
    changed = {
        part: np.stack([before[key] != after[key] for key in sorted(before) if key[0] == part])
        for part in "MP"
    }
    # The same voxels, but where noise happens to be what was there before.
    both = int((changed["M"] & changed["P"]).sum())
    assert both > 0.95 * changed["M"].sum()
    assert both > 0.9 * changed["P"].sum()


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["{in}", "{in}/out"], 73, "OUT ({in}/out) lies in IN"),
        (["{in}", "{in}"], 73, "lies in"),
        (["{in}", "{out}", "--private-dir", "{out}/private"], 73, "lies in OUT"),
        (["{in}", "{out}", "--key", "{out}/key"], 73, "lies in OUT"),
        (["{in}", "{out}", "--mapping", "{in}/map.tsv"], 73, "lies in IN"),
        (["{out}", "{out}2"], 66, "is no folder"),
        (["{empty}", "{out}"], 66, "holds no DICOM images"),
        (["{in}", "{full}"], 73, "is not empty"),
        (["{in}", "{file}/out"], 73, "cannot be written"),
        (["{in}", "{out}", "--keep-private", "{out}.txt"], 66, "cannot be read"),
        (["{in}", "{out}", "--profile", "jeong2020", "--keep-uids"], 64, "has no options"),
        (["{in}", "{out}", "--profile", "none"], 64, "invalid choice"),
        (["{in}", "{out}", "--key", "{file}"], 66, "is no key"),
        (["{in}", "{out}", "--accept", "{out}.tsv"], 66, "cannot be read"),
        (["{in}", "{out}", "--features", "chin"], 64, "Unknown feature"),
    ],
)
def test_wrong_use_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], code: int, says: str
) -> None:
    places = {name: str(tmp_path / name) for name in ("in", "out", "empty", "full", "file")}
    write_series(tmp_path / "in", SMALL, np.eye(4), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.jpg").touch()
    (tmp_path / "file").write_text("no folder")
    assert main([arg.format(**places) for arg in args]) == code
    assert says.format(**places) in capsys.readouterr().err
    assert not images(tmp_path / "out")


def test_without_its_libraries_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pydicom.py").write_text("raise ModuleNotFoundError(name='pydicom')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from bids_deface.cli.dicom import "
        "main; sys.exit(main(['in', 'out']))"
    )
    import subprocess

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 69
    assert "pip install 'bids-deface[dicom]'" in run.stderr
