from __future__ import annotations

import pytest
import torch

from bids_deface.anatomy import CLASSES
from bids_deface.detection.network import NetworkConfig
from bids_deface.errors import ImageError, NoInputError
from bids_deface.training.augment import AugmentConfig, augment
from bids_deface.training.data import load_heads
from bids_deface.training.geometry import GeometryConfig
from bids_deface.training.losses import LossConfig, dice_per_class, segmentation_loss
from bids_deface.training.presets import JEONG2020, PRESETS, Recipe
from bids_deface.training.trainer import RunOptions, Trainer
from tests.conftest import command

SMALL = Recipe(
    network=NetworkConfig(widths=(4, 8, 8)),
    augmentation=AugmentConfig(GeometryConfig(patch=(32, 32, 32))),
    steps=6,
    validate_every=2,
)


def test_heads_are_read_from_a_table(table):
    heads = load_heads(table, "train")
    assert [head.name for head in heads] == ["0", "1"]
    assert heads[0].image.shape == heads[0].classes.shape
    assert set(torch.unique(heads[0].classes).tolist()) == set(range(len(CLASSES)))
    with pytest.raises(NoInputError, match="no labelled head"):
        load_heads(table, "test")


def test_broken_tables_are_refused(tmp_path):
    with pytest.raises(NoInputError, match=r"heads\.tsv"):
        load_heads(tmp_path, "train")
    (tmp_path / "heads.tsv").write_text("head\tsplit\na\ttrain\n")
    with pytest.raises(ImageError, match="lacks"):
        load_heads(tmp_path, "train")


@pytest.mark.parametrize("name", list(PRESETS))
def test_augmented_samples_are_heads(table, name):
    head = load_heads(table, "train")[0]
    config = PRESETS[name].augmentation
    seen = set()
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        image, classes = augment(head.image, head.classes, config, generator)
        assert tuple(image.shape) == tuple(classes.shape) == config.geometry.patch
        assert image.dtype == torch.float32
        assert classes.dtype == torch.int64
        assert float(image.min()) >= 0
        assert float(image.max()) <= 1
        assert torch.isfinite(image).all()
        again = augment(head.image, head.classes, config, torch.Generator().manual_seed(seed))
        torch.testing.assert_close(image, again[0])
        seen |= set(torch.unique(classes).tolist())
    assert seen == set(range(6))


def test_labels_move_with_the_image(table):
    """A ball in the image and in the labels stays in the same place under any warp."""
    places = torch.stack(torch.meshgrid(*[torch.arange(40.0)] * 3, indexing="ij"))
    ball = ((places - 20) ** 2).sum(0) < 100
    image, classes = (ball * 255).to(torch.uint8), ball.to(torch.uint8)
    shape = GeometryConfig(patch=(48, 48, 48), transpose=True)
    config = AugmentConfig(shape, contrast=0, artefact=0, crop=0, negative=0, noise=0)
    for seed in range(5):
        out, labels = augment(image, classes, config, torch.Generator().manual_seed(seed))
        overlap = ((out > 0.5) & (labels == 1)).sum() / (labels == 1).sum()
        assert overlap > 0.95


def test_loss_prefers_the_truth():
    torch.manual_seed(0)
    classes = torch.randint(0, 6, (1, 8, 8, 8))
    right = torch.nn.functional.one_hot(classes, 6).permute(0, 4, 1, 2, 3).float() * 20
    for config in (LossConfig(), JEONG2020.loss):
        good = segmentation_loss(right, classes, config)
        bad = segmentation_loss(-right, classes, config)
        assert float(good) < 0.01 < float(bad)
    scores = dice_per_class(right[0].argmax(0), classes[0])
    assert scores == dict.fromkeys(CLASSES[1:], 1.0)


def test_papers_loss_is_dice_and_a_tenth_of_cross_entropy():
    torch.manual_seed(1)
    logits, classes = torch.randn(1, 6, 6, 6, 6), torch.randint(0, 6, (1, 6, 6, 6))
    prob = logits.softmax(1)
    truth = torch.nn.functional.one_hot(classes, 6).permute(0, 4, 1, 2, 3)
    both = 2 * (prob * truth).sum((0, 2, 3, 4)) + 1
    dice = both / (prob.sum((0, 2, 3, 4)) + truth.sum((0, 2, 3, 4)) + 1)
    expected = 1 - dice[1:].mean() + 0.1 * torch.nn.functional.cross_entropy(logits, classes)
    torch.testing.assert_close(segmentation_loss(logits, classes, JEONG2020.loss), expected)


def test_a_killed_run_ends_like_one_that_was_not(table, tmp_path):
    train, validation = load_heads(table, "train"), load_heads(table, "val")

    def weights(folder, stop_after=None):
        trainer = Trainer(SMALL, RunOptions(tmp_path / folder), train, validation)

        def report(row):
            if row["step"] == stop_after:
                raise KeyboardInterrupt

        try:
            trainer.run(report)
        except KeyboardInterrupt:
            return None
        return trainer.averaged.state_dict()

    whole = weights("whole")
    assert weights("killed", stop_after=4) is None
    resumed = weights("killed")
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=1e-3, atol=1e-4)
    logs = [(tmp_path / n / "log.tsv").read_text().splitlines() for n in ("whole", "killed")]
    steps = [[line.split("\t")[0] for line in log] for log in logs]
    assert steps[0] == steps[1] == ["step", "2", "4", "6"]


def test_time_budget_ends_the_schedule(table, tmp_path):
    heads = load_heads(table, "train")[:1]
    options = RunOptions(tmp_path, max_hours=1e-4)
    trainer = Trainer(Recipe(**{**SMALL.__dict__, "steps": 10_000}), options, heads, heads)
    rows = []
    trainer.run(rows.append)
    assert rows[-1]["learning_rate"] == pytest.approx(0, abs=1e-6)
    assert rows[-1]["step"] < 1000


def test_training_from_the_command_line(table, tmp_path):
    args = ["fit", "--data", table, "--out", tmp_path, "--steps", "2", "--validate-every", "1"]
    done = command(*args, module="bids_deface.cli.train")
    assert done.returncode == 0, done.stderr
    made = {path.name for path in tmp_path.iterdir()}
    assert {"best.safetensors", "best.safetensors.sha256", "checkpoint.pt", "log.tsv"} <= made
    assert {"curves.png", "recipe.json"} <= made
    no_data = command(
        "fit", "--data", tmp_path / "no", "--out", tmp_path, module="bids_deface.cli.train"
    )
    assert no_data.returncode == 66
    no_preset = command(*args, "--preset", "best", module="bids_deface.cli.train")
    assert no_preset.returncode == 64
    assert "jeong2020" in no_preset.stderr
