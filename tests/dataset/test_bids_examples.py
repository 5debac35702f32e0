"""The official example layouts, planned by the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bids_deface.cli.main import main
from bids_deface.dataset.filters import Filters
from bids_deface.dataset.layout import open_layout
from bids_deface.dataset.names import OutputNames, node_name
from bids_deface.dataset.plan import make_plan
from bids_deface.dataset.query import find_images
from bids_deface.dataset.suffixes import DATATYPES
from tests.conftest import command


def read_listings() -> dict[str, tuple[list[str], list[str]]]:
    """Return images, in the order of planning, and other files of each dataset."""
    listings: dict[str, tuple[list[str], list[str]]] = {}
    for line in Path(__file__).with_name("bids_examples.txt").read_text().splitlines():
        first, *rest = line.split()
        if first.startswith("["):
            images, others = listings[first.strip("[]")] = ([], [])
        elif first == "-":
            others += rest
        elif first != "#":
            stem = "_".join(first.split("/")[:-1])
            ends = (end if end.endswith(".nii") else f"{end}.nii.gz" for end in rest)
            images += [f"{first}/{stem}_{end}" for end in ends]
    return listings


LISTINGS = read_listings()


@pytest.fixture
def example(make_bids):
    """Return a function that writes a layout: empty images, empty sidecars and tables."""

    def make(name: str) -> Path:
        images, others = LISTINGS[name]
        files = dict.fromkeys([*images, *others], b"")
        sidecars = {re.sub(r"\.nii(\.gz)?$", ".json", image): b"{}" for image in images}
        tables = {file: b"{}" for file in others if file.endswith(".json")}
        return make_bids({**files, **sidecars, **tables})

    return make


def planned(text: str) -> list[str]:
    """Return the raw images of a printed plan."""
    lines = [re.search(r"sub-\S+?\.nii(\.gz)?", line) for line in text.splitlines()]
    return [found.group() for found in lines if found]


def test_the_listings_are_as_many_as_they_should_be():
    assert len(LISTINGS) >= 30


@pytest.mark.parametrize("include", [(), DATATYPES[1:]], ids=["anat", "all"])
@pytest.mark.parametrize("name", LISTINGS)
def test_official_layouts_are_planned_in_order(example, tmp_path, capsys, name, include):
    raw = example(name)
    wanted = [i for i in LISTINGS[name][0] if i.split("/")[-2] in ("anat", *include)]
    options = ["--include", *include] if include else []
    code = main([str(raw), str(tmp_path / "o"), "participant", "--dry-run", *options])
    done = capsys.readouterr()
    assert "internal" not in done.err
    assert planned(done.out) == wanted
    assert code == (0 if wanted else 18), done.err
    if not wanted:
        assert "matches the filters" in done.err
        return
    records = find_images(open_layout(raw), Filters(include=include))
    plan = make_plan(raw, tmp_path / "o", records, {})
    assert len({output for image in plan.images for output in outputs(image.names)}) == (
        sum(len(outputs(image.names)) for image in plan.images)
    )
    assert len({node_name(record) for record in records}) == len(records)


def outputs(names: OutputNames) -> list[str]:
    """Return where everything about one image goes."""
    return [
        names.relative_image,
        names.relative_mask,
        names.relative_dseg,
        str(names.result),
        str(names.figures / names.figure("defaced")),
        *names.relative_companions,
    ]


def test_a_dry_run_in_a_process_of_its_own(example, tmp_path):
    done = command(
        example("ds114"), tmp_path / "o", "participant", "--dry-run", "--include", "dwi"
    )
    assert done.returncode == 0, done.stderr
    assert len(planned(done.stdout)) == 4
    assert not (tmp_path / "o").exists()
