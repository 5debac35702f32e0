"""The Boutiques descriptor against the parser, and in Boutiques' own program."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bids_deface.cli.boutiques import EXIT_CODES
from bids_deface.cli.main import main
from bids_deface.cli.parser import LEVELS, build_parser, parse
from bids_deface.errors import DefaceError
from tests.conftest import ROOT

SPEC = ROOT / "boutiques.json"
SAMPLE = {"Number": "3", "String": "word", "Flag": ""}
#: Options that print something and stop.
TELLERS = {"help", "version", "bids_exec_spec"}


@pytest.fixture(scope="module")
def spec():
    return json.loads(SPEC.read_text())


@pytest.fixture(scope="module")
def inputs(spec):
    return {one["id"]: one for one in spec["inputs"]}


def bosh(*arguments, cwd=None):
    """Boutiques as a user calls it; the folder of bids-deface is on the PATH."""
    path = Path(sys.executable).parent
    return subprocess.run(
        [path / "bosh", *map(str, arguments)],
        env={"PATH": f"{path}:/usr/bin:/bin", "HOME": str(cwd), "NO_COLOR": "1"},
        capture_output=True, text=True, check=False, cwd=cwd, timeout=300,
    )  # fmt: skip


def test_the_file_is_what_the_program_prints(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--bids-exec-spec"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == SPEC.read_text(), (
        "run: bids-deface --bids-exec-spec > boutiques.json"
    )


def test_every_flag_type_choice_and_default_is_told(inputs):
    actions = {a.dest: a for a in build_parser()._actions if a.dest not in TELLERS}
    assert set(inputs) == set(actions)
    defaults = vars(parse(["in", "out", "participant"]))
    for name, action in actions.items():
        told = inputs[name]
        flag = told.get("command-line-flag")
        assert flag in action.option_strings if action.option_strings else flag is None
        assert told["optional"] == bool(action.option_strings)
        assert told["description"] == action.help
        if action.choices:
            assert told["value-choices"] == [str(choice) for choice in action.choices]
        assert (told["type"] == "Flag") == (action.nargs == 0)
        assert told.get("list", False) == (action.nargs == "+")
        kept = defaults[name] if action.option_strings and told["type"] != "Flag" else None
        assert told.get("default-value") == (kept or None)


def test_numbers_out_of_bounds_are_refused_by_both(inputs):
    for told in (one for one in inputs.values() if one["type"] == "Number"):
        least = told["minimum"]
        below = least if told.get("exclusive-minimum") else least - 1
        flag = told["command-line-flag"]
        assert parse(["in", "out", "group", flag, str(least + 1)])
        with pytest.raises(DefaceError):
            parse(["in", "out", "group", flag, str(below)])


def test_the_parser_takes_what_the_descriptor_says(inputs, tmp_path):
    (tmp_path / "options.toml").write_text("")
    samples = {**SAMPLE, "File": str(tmp_path / "options.toml")}
    for told in inputs.values():
        if not told["optional"]:
            continue
        values = told.get("value-choices") or [told.get("default-value", samples[told["type"]])]
        typed = {"Flag": []}.get(told["type"], values if told.get("list") else values[:1])
        args = parse(["in", "out", "group", told["command-line-flag"], *map(str, typed)])
        assert getattr(args, told["id"])
    assert inputs["analysis_level"]["value-choices"] == list(LEVELS)


def test_every_exit_code_is_told(spec):
    known = {1, *(cls.exit_code for cls in all_errors(DefaceError))}
    assert {one["code"] for one in spec["error-codes"]} == set(EXIT_CODES)
    assert known <= set(EXIT_CODES)


def all_errors(base):
    return {base, *(found for child in base.__subclasses__() for found in all_errors(child))}


def test_a_descriptor_needs_help_for_every_option():
    assert not [a.dest for a in build_parser()._actions if not a.help]
    assert not [a for a in build_parser()._actions if a.help == argparse.SUPPRESS]


def test_boutiques_takes_it_and_simulates_it(tmp_path):
    pytest.importorskip("boutiques")
    done = bosh("validate", SPEC, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = {
        "bids_dir": str(tmp_path), "output_dir": "out", "analysis_level": "participant",
        "participant_label": ["01", "02"], "features": ["nose", "ears"], "nprocs": 2,
        "dry_run": True,
    }  # fmt: skip
    invocation = tmp_path / "invocation.json"
    invocation.write_text(json.dumps(wanted))
    done = bosh("exec", "simulate", SPEC, "-i", invocation, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    line = next(one for one in done.stdout.splitlines() if one.startswith("bids-deface "))
    args = parse(line.split()[1:])
    assert args.participant_label == ("01", "02")
    assert args.features == ["nose", "ears"]
    assert (args.nprocs, args.dry_run, args.analysis_level) == (2, True, "participant")


def test_boutiques_runs_it(make_bids, tmp_path):
    pytest.importorskip("boutiques")
    make_bids({"sub-1/anat/sub-1_T1w.nii.gz": b"", "sub-1/anat/sub-1_T2w.nii.gz": b""})
    wanted = {
        "bids_dir": "raw", "output_dir": "out", "analysis_level": "participant",
        "modalities": ["T1w"], "dry_run": True,
    }  # fmt: skip
    invocation = tmp_path / "invocation.json"
    invocation.write_text(json.dumps(wanted))
    done = bosh("exec", "launch", "--no-container", SPEC, invocation, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 images to deface" in done.stdout
