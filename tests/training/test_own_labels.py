"""A lab's own labels: formats, what they leave unsaid, and the way out to people and back."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
import pytest
import torch

from bids_deface.anatomy import CLASSES
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.detection.inference import predict
from bids_deface.detection.weights import load_weights
from bids_deface.errors import ImageError, NoInputError, UsageError
from bids_deface.feature_check import table_from
from bids_deface.feature_table import STANDARD
from bids_deface.population import synthetic_head
from bids_deface.training.data import class_map, load_heads, load_small_heads
from bids_deface.training.label_files import label_files
from bids_deface.training.labelled import find_heads, read_feature_toml
from bids_deface.training.losses import merge_unknown
from bids_deface.training.rehearsal import measured_places, rehearse
from bids_deface.training.widening import widen_network
from tests.conftest import command
from tests.own_features import TABLE, example

TRAIN = "bids_deface.cli.train"
CHIN_CLASS = len(CLASSES)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder like a BIDS derivative: two scans, the chins labelled, nothing else."""
    folder, module = tmp_path_factory.mktemp("lab"), example()
    (folder / "features.toml").write_text(module.FEATURES)
    (folder / "dseg.tsv").write_text(module.LABELS.replace("8\t", "3\t"))
    for number in (1, 2):
        head = synthetic_head(np.random.default_rng(number), zoom=2)
        anat = folder / f"sub-{number}" / "anat"
        anat.mkdir(parents=True)
        (anat / f"sub-{number}_T1w.nii.gz").write_bytes(nifti_bytes(head))
        chin = np.where(module.chin_of(head), 3, 0).astype(np.uint8)
        image = nib.Nifti1Image(chin, head.affine)
        nib.save(image, anat / f"sub-{number}_desc-labelsT1w_dseg.nii.gz")
    return folder


@pytest.fixture(scope="module")
def chin_table(lab):
    return read_feature_toml(lab / "features.toml")


def test_a_folder_is_read_by_names_and_its_look_up_table(lab, chin_table):
    train, val = (find_heads(lab, split, chin_table) for split in ("train", "val"))
    assert [head.name for head in train] == [f"sub-{n}_desc-labelsT1w_dseg" for n in (1, 2)]
    assert len(val) == 1, "with few heads, the first one validates, too"
    assert train[0].indices == {3: 8}
    assert train[0].named == {"chin"}
    head = load_heads(lab, "train", chin_table)[0]
    assert set(torch.unique(head.classes).tolist()) == {0, CHIN_CLASS}
    assert head.visible == ("chin",)
    assert head.unknown == tuple(range(1, CHIN_CLASS))


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        (lambda f: (f / "dseg.tsv").write_text("index\tname\n3\tbeard\n"), UsageError, "beard"),
        (lambda f: (f / "dseg.tsv").write_text("index\tname\n4\tchin\n"), ImageError, "label 3"),
        (lambda f: (f / "dseg.tsv").write_text("name\nchin\n"), UsageError, "index"),
        (
            lambda f: (f / "sub-1/anat/sub-1_T1w.nii.gz").unlink(),
            NoInputError,
            "no image beside it",
        ),
    ],
)
def test_labels_that_cannot_be_understood_are_told(lab, chin_table, tmp_path, change, error, word):
    folder = tmp_path / "copy"
    shutil.copytree(lab, folder)
    change(folder)
    with pytest.raises(error, match=word):
        load_heads(folder, "train", chin_table)


def test_what_nobody_labelled_is_as_the_shipped_network_sees_it(lab, chin_table):
    teacher = load_weights()
    heads = [(h, class_map(h, chin_table)) for h in load_small_heads(lab, "train", chin_table)]
    own = heads[0][1]
    taught = rehearse(own, teacher, chin_table)
    assert torch.equal(taught.classes == CHIN_CLASS, own.classes == CHIN_CLASS)
    seen = predict(teacher.network, own.image.float() / 255).argmax(0)
    unlabelled = own.classes == 0
    assert torch.equal(taught.classes[unlabelled].long(), seen[unlabelled])
    assert taught.unknown == ()
    assert set(taught.visible) == set(chin_table.classes[1:])
    placed = measured_places([(h, rehearse(t, teacher, chin_table)) for h, t in heads], chin_table)
    ((right, front, up),) = placed.feature("chin").offset_mm
    assert abs(right) < 5
    assert 80 < front < 120
    assert -140 < up < -100
    # An expected feature that is not drawn was not drawn yet: nothing is known of it.
    undrawn = class_map(load_small_heads_without(heads[0][0]), chin_table)
    assert CHIN_CLASS in rehearse(undrawn, teacher, chin_table).unknown


def load_small_heads_without(head):
    """Return a head on which nobody drew anything."""
    from dataclasses import replace

    return replace(head, dseg=np.zeros_like(head.dseg), unlabelled=frozenset(TABLE.classes[1:]))


def test_unknown_classes_are_neither_right_nor_wrong():
    torch.manual_seed(0)
    logits = torch.randn(1, 7, 4, 4, 4, requires_grad=True)
    merged = merge_unknown(logits, (6,)).softmax(1)
    plain = logits.softmax(1)
    torch.testing.assert_close(merged[:, 0], plain[:, 0] + plain[:, 6])
    torch.testing.assert_close(merged[:, 1:6], plain[:, 1:6])
    merged[:, 0].log().sum().backward()
    assert torch.isfinite(logits.grad).all()
    # Moving probability between background and the unknown class changes nothing.
    share = plain[:, 0] / (plain[:, 0] + plain[:, 6])
    ratio = logits.grad[:, 0] / (logits.grad[:, 0] + logits.grad[:, 6])
    torch.testing.assert_close(ratio, share, rtol=1e-3, atol=1e-3)


def test_a_widened_network_sees_the_old_classes_as_before():
    loaded = load_weights()
    torch.manual_seed(0)
    wide = widen_network(loaded.network, STANDARD, TABLE).eval()
    image = torch.from_numpy(synthetic_head(np.random.default_rng(0), zoom=2).data / 900.0)
    before, after = (predict(n, image.float()[:48, :64, :64]) for n in (loaded.network, wide))
    agree = (before.argmax(0) == after.argmax(0)).float().mean()
    assert agree > 0.99
    torch.testing.assert_close(after[:6] / after[:6].sum(0), before, rtol=0.05, atol=0.02)
    two = table_from({**TABLE.to_dict(), "scar": {"label": 9, "color": "#000000"}})
    wider = widen_network(wide, TABLE, two)
    torch.testing.assert_close(wider.side.head.weight[0], wide.side.head.weight[0])
    torch.testing.assert_close(wider.side.levels[0].weight, wide.side.levels[0].weight)


def test_label_tables_hold_names_and_colours():
    files = label_files(TABLE.all_labels)
    assert files["dseg.tsv"].splitlines()[-1] == "8\tchin\t#e69f00"
    snap = [line.split(None, 7) for line in files["itksnap_labels.txt"].splitlines()[1:]]
    assert snap[-1] == ["8", "230", "159", "0", "1", "1", "1", '"chin"']
    assert all(len(row) == 8 for row in snap)
    lut = files["fsleyes.lut"].splitlines()
    assert lut[0].split(None, 4) == ["1", "0.00000", "0.44706", "0.69804", "left eye"]
    table = [line.split() for line in files["slicer_labels.ctbl"].splitlines()[1:]]
    assert table[1] == ["1", "left_eye", "0", "114", "178", "255"]
    assert all(len(row) == 6 for row in table)


def test_labels_go_out_to_people_and_come_back(lab, tmp_path):
    """Export, correct, train for a moment, export with the new weights."""
    out, scan = tmp_path / "labels", lab / "sub-1/anat/sub-1_T1w.nii.gz"
    toml = lab / "features.toml"
    done = command("labels", scan, out, "--table", toml, module=TRAIN)
    assert done.returncode == 0, done.stderr
    assert "private" in done.stdout
    assert (out / "README").read_text().startswith("PRIVATE")
    label = out / "sub-1_T1w_dseg.nii.gz"
    drawn, original = nib.load(label), nib.load(scan)
    np.testing.assert_array_equal(drawn.affine, original.affine)
    data = np.asarray(drawn.dataobj).copy()
    assert set(np.unique(data)) == set(range(8))
    assert drawn.get_data_dtype() == np.uint8
    chin = np.asarray(nib.load(lab / "sub-1/anat/sub-1_desc-labelsT1w_dseg.nii.gz").dataobj) > 0
    data[chin] = 8
    nib.save(nib.Nifti1Image(data, drawn.affine), label)
    corrected = label.read_bytes()
    again = command("labels", scan, out, "--table", toml, module=TRAIN)
    assert "kept" in again.stdout
    assert label.read_bytes() == corrected
    table = read_feature_toml(toml)
    (head,) = load_heads(out, "train", table)
    assert head.unknown == (), "who corrected the map has seen every feature"
    assert set(torch.unique(head.classes).tolist()) == set(range(7))


def test_labels_never_go_where_things_are_shared(lab, tmp_path):
    scan = lab / "sub-1/anat/sub-1_T1w.nii.gz"
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    done = command("labels", scan, tmp_path / "derivatives" / "labels", module=TRAIN)
    assert done.returncode == 73
    assert str(tmp_path) in done.stderr
    assert "private" in done.stderr
    assert not (tmp_path / "derivatives").exists()


def test_a_bad_table_or_model_is_told_before_anything_is_written(lab, tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text('[nose]\nlabel = 8\ncolor = "#000000"\n')
    out = tmp_path / "run"
    for text, code in (("", 64), ("[", 64)):
        bad.write_text(text or bad.read_text())
        done = command("fit", "--data", lab, "--out", out, "--table", bad, module=TRAIN)
        assert done.returncode == code, done.stderr
        assert str(bad) in done.stderr
    missing = command(
        "labels", lab, tmp_path / "l", "--model", tmp_path / "no.safetensors", module=TRAIN
    )
    assert missing.returncode == 69
    assert not out.exists()


def test_a_branch_learns_and_the_rest_stays(lab, tmp_path):
    """Two samples are too few to see a chin; what must not change does not, and a run goes on."""
    fit = ["fit", "--data", lab, "--table", lab / "features.toml", "--validate-every", "1"]
    first = command(*fit, "--out", tmp_path / "new", "--steps", "2", module=TRAIN)
    assert first.returncode == 0, first.stderr
    assert "chin" in first.stdout
    path = tmp_path / "new" / "best.safetensors"
    shipped, new = load_weights().network.state_dict(), load_weights(path)
    assert all(torch.equal(new.network.state_dict()[name], shipped[name]) for name in shipped)
    assert new.table.names == ("chin",)
    assert new.table.feature("chin").offset_mm
    again = command(*fit, "--out", tmp_path / "new", "--steps", "2", module=TRAIN)
    assert again.returncode == 0, again.stderr
    other = command(*fit, "--out", tmp_path / "new", "--steps", "3", module=TRAIN)
    assert other.returncode == 73, "another recipe"
    everything = ["--preset", "default", "--steps", "1", "--out", tmp_path / "all"]
    done = command(*fit, *everything, module=TRAIN)
    assert done.returncode == 0, done.stderr
    trained = load_weights(tmp_path / "all" / "best.safetensors").network.state_dict()
    assert not torch.equal(trained["encoder.0.body.0.weight"], shipped["encoder.0.body.0.weight"])
    nothing_new = ["fit", "--data", lab, "--preset", "finetune", "--out", tmp_path / "none"]
    refused = command(*nothing_new, "--start-from", path.with_name("no"), module=TRAIN)
    assert refused.returncode == 69


def test_samples_show_features_of_a_table(lab, tmp_path):
    sheet = tmp_path / "sheet.png"
    chosen = ["--data", lab, "--table", lab / "features.toml", "--number", "1"]
    done = command("samples", *chosen, "--out", sheet, module=TRAIN)
    assert done.returncode == 0, done.stderr
    assert sheet.stat().st_size > 5000
