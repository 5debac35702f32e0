from __future__ import annotations

import csv
import json

import numpy as np

from bids_deface.containers.save import save_volume
from bids_deface.errors import ImageError
from bids_deface.record import failure_record, success_record
from bids_deface.reports.citation import bibliography, citation_text
from bids_deface.reports.curves import plot_curves
from bids_deface.reports.group import write_group_table
from bids_deface.reports.pictures import draw_pictures
from bids_deface.reports.records import read_records
from bids_deface.reports.subject import drop_pages, write_subject_page
from bids_deface.settings import DefaceSettings

PNG = b"\x89PNG"


def test_pictures_are_drawn_without_the_originals_face(head_file, defaced, tmp_path):
    files = {"image": defaced.volume, "mask": defaced.mask_volume, "dseg": defaced.dseg_volume}
    for name, volume in files.items():
        save_volume(volume, tmp_path / f"{name}.nii.gz")
    args = [tmp_path / f"{name}.nii.gz" for name in files]
    rest = {"threshold": defaced.features.threshold, "turn": defaced.features.turn}
    shared, private = draw_pictures(head_file, *args, **rest, folder=tmp_path)
    assert set(shared) == {"regions", "defaced", "surface"}
    assert set(private) == {"regions", "after", "head"}
    drawn = [*shared.values(), *private.values()]
    drawn.remove(shared["surface"])
    for path in drawn:
        content = path.read_bytes()
        assert content.startswith(PNG)
        assert 5_000 < len(content) < 1_500_000
        assert b"Software" not in content
    # Another original must not change what is shared.
    before = {name: path.read_bytes() for name, path in shared.items()}
    draw_pictures(tmp_path / "image.nii.gz", *args, **rest, folder=tmp_path)
    assert before == {name: path.read_bytes() for name, path in shared.items()}


def test_records_hold_no_intensities_and_no_places(defaced, tmp_path):
    settings = DefaceSettings.of(random_seed=4242)
    record = success_record("sub-1/anat/sub-1_T1w.nii.gz", settings, defaced)
    text = json.dumps(record)
    assert "4242" not in text
    assert str(defaced.features.threshold) not in text
    assert record["ChangedVoxelsInBrain"] == 0
    assert set(record["Regions"]) == {
        "left eye", "right eye", "nose", "left ear", "right ear", "mouth",
    }  # fmt: skip


def test_page_and_table_show_every_image(defaced, tmp_path):
    settings = DefaceSettings.of()
    good = {**success_record("sub-1/anat/sub-1_T1w.nii.gz", settings, defaced), "Seconds": 1.0}
    bad = failure_record(
        "sub-1/anat/sub-1_T2w.nii.gz",
        "/secret/place/t2.nii",
        settings,
        ImageError("/secret/place/t2.nii: <broken> scan"),
    )
    folder = tmp_path / "logs" / "images"
    folder.mkdir(parents=True)
    (tmp_path / "sub-1" / "figures").mkdir(parents=True)
    picture = "sub-1/figures/sub-1_desc-defaced_T1w.png"
    (tmp_path / picture).write_bytes(PNG)
    good["Files"] = [picture, "private/sub-1/figures/sub-1_desc-comparison_T1w.png"]
    for name, record in (("a", good), ("b", {**bad, "Seconds": 0.1, "Files": []})):
        (folder / f"{name}.json").write_text(json.dumps(record))
    (folder / "c.json").write_text("{half")
    records = read_records(tmp_path)
    assert [r["Verdict"] for r in records] == ["PASS", "FAIL"]
    page = write_subject_page(tmp_path, "1", records).read_text()
    assert picture in page
    assert "private/sub-1" not in page
    assert "&lt;broken&gt; scan" in page
    assert "<script" not in page
    assert "secret" not in page
    assert "http:" not in page
    assert "https:" not in page
    with write_group_table(tmp_path, records).open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["verdict"] for row in rows] == ["PASS", "FAIL"]
    assert rows[1]["brain_ml"] == "n/a"
    dictionary = json.loads((tmp_path / "group_deface.json").read_text())
    assert set(dictionary) == set(rows[0])


def test_citation_names_what_was_done():
    settings = DefaceSettings.of(["nose"])
    text = citation_text(settings.level, settings.protocol, settings.descriptions)
    assert "10.2196/22739" in text
    assert "nose: cut down to" in text
    assert "eyes" not in text
    entries = bibliography()
    assert entries.count("@article{") == text.count("doi:") == 3
    assert "author = {Jeong, YU and Yoo, S and Kim, YH and Shim, WH}" in entries
    assert "and others}" in entries


def test_curves_are_plotted(tmp_path):
    columns = ["step", "loss", "eyes", "nose", "ears", "mouth", "brain", "mean_face"]
    rows = np.random.default_rng(0).random((5, len(columns)))
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
    (tmp_path / "log.tsv").write_text("\n".join(lines))
    plot_curves(tmp_path / "log.tsv", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(PNG)


def test_page_and_table_tell_what_was_seen(defaced, tmp_path):
    record = success_record("sub-1/anat/sub-1_T1w.nii.gz", DefaceSettings.of(), defaced)
    record = {**record, "Seconds": 1.0, "Files": []}
    blind = {**record, "Source": "sub-1/anat/sub-1_T1map.nii.gz", "FaceViewsBefore": None,
             "FaceViewsAfter": None, "Residues": None}  # fmt: skip
    page = write_subject_page(tmp_path, "1", [record, blind]).read_text()
    assert page.count("Views in which LBP frontal finds a face") == 1
    assert "No face was looked for" in page
    odd = {**record, "Residues": {"nose": {"HeightMm": 15.0, "ReliefMm": 0.2, "TissueMl": 0.0}}}
    nose = '<td class="over">15 (limit 8)</td>'
    assert nose in write_subject_page(tmp_path, "1", [odd]).read_text()
    for free in ({"Level": "face"}, {"Features": ["eyes"]}):
        assert nose not in write_subject_page(tmp_path, "1", [{**odd, **free}]).read_text()
    lines = write_group_table(tmp_path, [record, blind]).read_text().splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
    assert rows[1]["faces_after"] == "n/a"
    assert '""Haar frontal"": 0' in rows[0]["faces_after"]


def test_pages_of_images_that_are_done_again_are_removed(tmp_path):
    (tmp_path / "private").mkdir()
    pages = [tmp_path / "sub-1.html", tmp_path / "private" / "sub-1.html", tmp_path / "sub-2.html"]
    for page in pages:
        page.write_text("old")
    drop_pages(tmp_path, "1")
    assert [page.exists() for page in pages] == [False, False, True]
    drop_pages(tmp_path, "1")


def test_a_record_names_no_place_of_this_machine():
    error = ImageError("/at/home/a.hdr and /at/home/a.img do not belong together")
    record = failure_record("sub-1/anat/a.hdr", "/at/home/a.hdr", DefaceSettings.of(), error)
    assert record["Reasons"] == ["sub-1/anat/a.hdr and a.img do not belong together"]
