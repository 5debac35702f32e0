"""Decisions, and what is released for them."""

from __future__ import annotations

import csv

import pytest

from bids_deface.dataset.decisions import known_decisions, read_decisions, review_table
from bids_deface.dataset.release import read_accepted
from bids_deface.errors import UsageError
from bids_deface.review import redo
from bids_deface.review.commands import Command
from bids_deface.review.results import Results
from bids_deface.review.roots import Roots
from bids_deface.review.runs import Run, Runs
from tests.reports.samples import review
from tests.review.conftest import FAILED, PASSED, WAITS, write_records


def rows(user, both):
    answer = user.get("/api/review", params=both)
    assert answer.status_code == 200
    return {row["source"]: row for row in answer.json()["images"]}


def decide(user, both, source, decision, **more):
    stamp = rows(user, both)[source]["stamp"]
    body = {**both, "source": source, "stamp": stamp, "decision": decision, **more}
    return user.post("/api/decision", json=body)


def test_the_table_says_what_is_known(user, both):
    table = rows(user, both)
    assert {source: row["verdict"] for source, row in table.items()} == {
        PASSED: "PASS", WAITS: "REVIEW", FAILED: "FAIL",
    }  # fmt: skip
    assert table[WAITS]["reasons"]
    assert all(row["decision"] is None and not row["released"] for row in table.values())


def test_a_decision_is_kept_in_the_table_that_accept_reads(user, both, place):
    out = place / "out"
    text = 'a "good"\tone\nsays AB =1+1'
    decide(user, both, WAITS, "accept", reviewer="AB", reason=text).raise_for_status()
    decide(user, both, PASSED, "reject", reviewer="AB", reason="an ear").raise_for_status()
    with review_table(out).open() as file:
        kept = {row["source"]: row for row in csv.DictReader(file, delimiter="\t")}
    assert kept[WAITS]["decision"] == "accept"
    assert kept[WAITS]["reason"] == 'a "good" one says AB =1+1'
    assert kept[WAITS]["time"].endswith("Z")
    assert kept[PASSED]["reviewer"] == "AB"
    assert set(read_accepted(review_table(out))) == {WAITS}, "what was rejected is not accepted"
    assert rows(user, both)[WAITS]["decision"]["decision"] == "accept"
    decide(user, both, WAITS, "").raise_for_status()
    assert set(known_decisions(out)) == {PASSED}


def test_a_decision_on_an_earlier_result_does_not_count(user, both, place):
    decide(user, both, WAITS, "accept", reviewer="AB").raise_for_status()
    stamp = rows(user, both)[WAITS]["stamp"]
    write_records(place / "out", [review(WAITS, Seconds=12.3)])
    assert rows(user, both)[WAITS]["stale"]
    body = {**both, "source": WAITS, "stamp": stamp, "decision": "accept"}
    answer = user.post("/api/decision", json=body)
    assert answer.status_code == 400
    assert "done again meanwhile" in answer.json()["error"]
    assert user.post("/api/release", json=both).status_code == 400


@pytest.mark.parametrize("word", ["yes", "Accept", "acceptreject"])
def test_other_words_are_no_decision(user, both, place, word):
    assert decide(user, both, WAITS, word).status_code == 400
    assert not review_table(place / "out").exists()


def test_a_table_written_by_hand(tmp_path):
    table = tmp_path / "t.tsv"
    table.write_text("source\tdecision\na\tAccept\nb\treject\nc\t\n")
    assert read_accepted(table) == {"a": ""}, "where there is no decision, nothing is accepted"
    table.write_text("source\na\n")
    assert read_accepted(table) == {"a": ""}
    table.write_text("source\tdecision\na\tperhaps\n")
    with pytest.raises(UsageError, match="unknown decision 'perhaps' on a"):
        read_decisions(table)


@pytest.fixture
def started(monkeypatch):
    """What would be started, instead of starting it."""
    seen = []

    def start(self, command: Command, **more):
        seen.append((command, more))
        return Run(self.folder / "run")

    monkeypatch.setattr(Runs, "start", start)
    return seen


def test_release_runs_the_command_line_with_what_was_accepted(user, both, started):
    assert user.post("/api/release", json=both).status_code == 400, "nothing by itself"
    decide(user, both, PASSED, "accept", reviewer="AB").raise_for_status()
    assert user.post("/api/release", json=both).status_code == 400, "it is there already"
    decide(user, both, WAITS, "accept", reviewer="AB").raise_for_status()
    assert started == []
    user.post("/api/release", json=both).raise_for_status()
    ((command, more),) = started
    assert command.arguments[:3] == (both["raw"], both["out"], "participant")
    options = " ".join(command.options)
    assert "--features nose ears" in options, "as in the last run"
    assert "--include func" in options
    assert "--participant-label 02" in options
    assert options.endswith("--accept {run}/accepted.tsv")
    lines = more["files"]["accepted.tsv"].decode().splitlines()
    assert lines[0].split("\t")[:3] == ["source", "decision", "stamp"]
    assert [line.partition("\t")[0] for line in lines[1:]] == [WAITS]


def test_a_run_at_the_level_face_goes_on_without_features(place, both, tmp_path):
    log = place / "out" / "logs" / "run-20270101T000000-1.toml"
    log.write_text('features = ["nose"]\nprotocol = "default"\nlevel = "face"\n')
    roots = Roots.of([place])
    results = Results.of(roots, both["raw"], both["out"])
    options = redo._continued(results, Runs(tmp_path / "state", roots), [WAITS])
    assert options == ["--level", "face", "--participant-label", "02"]
    log.write_text("no toml")
    with pytest.raises(UsageError, match="cannot be read"):
        redo._continued(results, Runs(tmp_path / "state", roots), [WAITS])
