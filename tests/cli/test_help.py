from __future__ import annotations

import subprocess
import sys

import pytest

from bids_deface.cli import audit, demo, export, image, parser, train
from bids_deface.errors import UnknownAnalysisLevelError, UsageError
from tests.conftest import command


@pytest.mark.parametrize(
    "name", ["main", "image", "train", "demo", "identity", "dicom", "audit", "export"]
)
def test_help_needs_no_heavy_library(name):
    code = (
        "import sys, importlib\n"
        f"m = importlib.import_module('bids_deface.cli.{name}')\n"
        "try:\n    m.main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'pydicom', 'nipype', 'bids', 'numpy', 'matplotlib', 'nibabel'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_version_is_printed():
    done = command("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("bids-deface ")


def test_both_spellings_and_prefixes():
    args = parser.parse(
        [
            "in",
            "out",
            "participant",
            "--participant_label",
            "sub-01",
            "02",
            "--session-label",
            "ses-a",
        ]
    )
    assert args.participant_label == ("01", "02")
    assert args.session_label == ("a",)
    assert parser.parse(
        ["in", "out", "participant", "--skip_bids_validation"]
    ).skip_bids_validation


def test_datatypes_to_include_are_known_ones(tmp_path):
    assert parser.parse(["in", "out", "participant", "--include", "fmap", "pet"]).include == [
        "fmap",
        "pet",
    ]
    with pytest.raises(UsageError, match=r"'ct'.*fmap.*func.*dwi.*perf.*pet"):
        parser.parse(["in", "out", "participant", "--include", "ct"])
    (tmp_path / "options.toml").write_text('include = ["func", "dwi"]')
    args = parser.parse(
        ["in", "out", "participant", "--config-file", str(tmp_path / "options.toml")]
    )
    assert args.include == ["func", "dwi"]


def test_wrong_words_are_refused():
    with pytest.raises(UnknownAnalysisLevelError):
        parser.parse(["in", "out", "session"])
    with pytest.raises(UsageError):
        parser.parse(["in"])
    with pytest.raises(UsageError, match="nprocs"):
        parser.parse(["in", "out", "participant", "--nprocs", "0"])


def test_config_file_gives_defaults_that_flags_override(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('features = ["nose"]\nnprocs = 3\nwork-dir = "w"\n')
    args = parser.parse(["in", "out", "participant", "--config-file", str(path), "--nprocs", "5"])
    assert args.features == ["nose"]
    assert args.nprocs == 5
    assert args.work_dir.name == "w"


@pytest.mark.parametrize(
    "text",
    ["colour = 1", "nprocs = -2", 'omp-nthreads = "many"', 'dry-run = "false"', "mem-gb = 0"],
)
def test_config_files_are_checked_like_flags(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        parser.parse(["in", "out", "participant", "--config-file", str(path)])


def test_config_file_takes_one_label_as_one(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('participant_label = "01"\ndry-run = true\nforce = false\n')
    args = parser.parse(["in", "out", "participant", "--config-file", str(path)])
    assert args.participant_label == ("01",)
    assert args.dry_run
    assert not args.force


def test_all_parsers_build():
    for module in (audit, demo, export, image, train):
        assert module.build_parser().prog.startswith("bids-deface-")
