"""Training through ``fit``: accumulation, stopping, precision, losses that are no numbers."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from nlpcl.core.errors import UserError
from nlpcl.nn.model import Output, Part
from nlpcl.training.records import LossSums
from nlpcl.training.trainer import ZooTrainer
from nlpcl.training.updates import EmptyTerms, Update


def history(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


@pytest.fixture
def fit(settings, tmp_path):
    """``fit(epochs=3)`` → a finished run, ``run``, ``run-2`` ... in an empty folder."""

    def run(**options):
        import nlpcl
        from nlpcl.zoo.sdcl.config import Config

        number = len(list(tmp_path.glob("run*")))
        return nlpcl.fit(Config(**settings | options), out=tmp_path / f"run{number}")

    return run


@pytest.fixture
def uneven(tmp_path, pairs, write_table):
    """30 training rows: every fifth with an error in every second place, the others without."""
    rows = []
    for number, (_, right) in enumerate(pairs[:30]):
        wrong = "".join("大" if place % 2 else c for place, c in enumerate(right))
        rows.append((wrong if number % 5 == 0 else right, right))
    folder = tmp_path / "uneven"
    write_table(folder / "train.tsv", rows)
    write_table(folder / "dev.tsv", pairs[30:35])
    write_table(folder / "test.tsv", pairs[35:])
    return folder


@pytest.mark.parametrize("negatives", ["teacher", "student"])
def test_accumulating_equals_one_big_batch(fit, uneven, tiny_encoder, negatives):
    """Also where most micro-batches hold no error and the last update is short (30 = 3·8 + 6)."""
    shared = {"data": str(uneven), "backbone": str(tiny_encoder("bert", 0.0)), "epochs": 2}
    shared |= {"lr": 1e-3, "negatives": negatives, "patience": 0}
    big = fit(**shared, batch_size=8, grad_accumulation=1).folder
    pieces = fit(**shared, batch_size=2, grad_accumulation=4).folder
    assert history(big)[-1]["step"] == history(pieces)[-1]["step"] == 8
    one, other = weights(big), weights(pieces)
    assert one.keys() == other.keys()
    for name in one:
        # Softmax ignores what all keys share, so these gradients are rounding noise under Adam.
        if not name.endswith("key.bias"):
            torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=0, msg=name)
    for row, same in zip(history(big), history(pieces), strict=True):
        for name in ("loss_x", "loss_y", "loss_c", "dev_loss", "grad_norm"):
            assert row[name] == pytest.approx(same[name], rel=1e-4), name


def test_the_same_seed_gives_the_same_run(fit):
    first, second, third = fit(seed=1).folder, fit(seed=1).folder, fit(seed=2).folder
    assert (first / "history.csv").read_bytes() == (second / "history.csv").read_bytes()
    one, two, other = weights(first), weights(second), weights(third)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_history_has_a_row_an_epoch(fit):
    rows = history(fit(epochs=3).folder)
    assert [row["epoch"] for row in rows] == [1.0, 2.0, 3.0]
    assert [row["step"] for row in rows] == [6.0, 12.0, 18.0]
    for row in rows:
        wanted = row["loss_x"] + row["loss_y"] + 0.5 * row["loss_c"]
        assert row["loss"] == pytest.approx(wanted, rel=0.05)
        assert row["dev_selection"] < row["dev_correction_f1"] + 1e-9
    assert rows[-1]["loss"] < rows[0]["loss"]


def test_the_best_epoch_is_kept_not_the_last(fit, monkeypatch):
    """Of four epochs the second is said to be the best."""
    from nlpcl.tasks.correction.task import Correction

    said, seen = [1.0, 3.0, 2.0, 0.0], []
    score = Correction.dev_scores

    def scored(self, model, *rest):
        seen.append({name: weight.clone() for name, weight in model.state_dict().items()})
        return score(self, model, *rest) | {"selection": said[len(seen) - 1]}

    monkeypatch.setattr(Correction, "dev_scores", scored)
    run = fit(epochs=4)
    rows = history(run.folder)
    assert [row["dev_selection"] for row in rows] == said
    saved = weights(run.folder)
    assert all(torch.equal(weight, seen[1][name]) for name, weight in saved.items())
    assert not all(torch.equal(weight, seen[3][name]) for name, weight in saved.items())
    monkeypatch.undo()
    from nlpcl.runs.rows import load_splits

    examples = load_splits(run.config).dev
    scores = run.task.dev_scores(run.model, run.task.encode(examples), "fp32")
    assert scores["loss"] == pytest.approx(rows[1]["dev_loss"], rel=1e-5)


def test_patience_stops_early(fit):
    rows = history(fit(epochs=9, lr=1e-30, weight_decay=0.0, patience=2).folder)
    assert len(rows) == 3
    assert len(history(fit(epochs=4, lr=1e-30, weight_decay=0.0).folder)) == 4


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16"])
def test_precision(fit, precision):
    from nlpcl.nn.devices import choose_precision

    run = fit(precision=precision, epochs=1)
    record = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    assert record["config"]["precision"] == precision
    assert record["precision"] == choose_precision(precision, torch.device("cpu"))
    assert all(weight.dtype == torch.float32 for weight in weights(run.folder).values())
    assert torch.isfinite(torch.tensor(history(run.folder)[0]["loss"]))


def test_fp16_is_refused_on_a_processor(fit, tmp_path):
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        fit(precision="fp16")
    assert not list(tmp_path.glob("run*"))


def test_a_loss_that_is_no_number_stops_the_run(fit, tmp_path):
    with pytest.raises(UserError, match=r"not finite at update \d+ .*x=.*Lower --lr"):
        fit(lr=1e30, max_grad_norm=0.0, epochs=5)
    record = json.loads((tmp_path / "run0" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "interrupted"
    assert not (tmp_path / "run0" / "model").exists()


@pytest.fixture
def bare_trainer():
    """As much of a trainer as its loss needs, in an update of two batches with 8 items of ``x``."""
    model = SimpleNamespace(gather=None, counts=lambda batch: {"x": torch.tensor(batch["n"])})
    return SimpleNamespace(
        update=Update(model, [{"n": 3.0}, {"n": 5.0}]),
        sums=LossSums(),
        empty_terms=EmptyTerms(),
        latest={},
        state=SimpleNamespace(global_step=4),
    )


def test_a_loss_is_the_sum_of_its_parts_over_the_whole_update(bare_trainer):
    parts = {
        "x": Part(torch.tensor(6.0), torch.tensor(3.0)),
        "y": Part(torch.tensor(10.0), torch.tensor(5.0), 0.5),
        "z": Part(torch.tensor(0.0), torch.tensor(0.0)),
    }
    for repeat in (1, 2):
        loss = ZooTrainer.compute_loss(bare_trainer, lambda n: Output(parts=parts), {})
        # The items of y in the update are not known: as many as here in each of two batches.
        assert float(loss) == pytest.approx(6 / 8 + 0.5 * 10 / (2 * 5))
        assert bare_trainer.sums.totals == {"x": 6 * repeat, "y": 10 * repeat, "z": 0}
        assert bare_trainer.sums.sizes == {"x": 4 * repeat, "y": 5 * repeat, "z": 0}
        assert bare_trainer.latest == {"x": 1.5, "y": 2, "z": 0}
    assert bare_trainer.empty_terms.updates == {"x": 1, "y": 1, "z": 1}
    assert bare_trainer.empty_terms.empty == {"x": 0, "y": 0, "z": 1}


def test_a_loss_that_is_no_number_is_told_with_its_update(bare_trainer):
    parts = {"x": Part(torch.tensor(float("inf")), torch.tensor(3.0))}
    with pytest.raises(UserError, match=r"not finite at update 5 \(x=inf\)"):
        ZooTrainer.compute_loss(bare_trainer, lambda n: Output(parts=parts), {})


def test_dev_scores_are_those_of_the_model_in_use(finished_run):
    """The last dev row of history.csv against the saved weights, scored again."""
    import nlpcl
    from nlpcl.runs.rows import load_splits

    run = nlpcl.load(finished_run, device="cpu", precision="fp32")
    best = max(history(finished_run), key=lambda row: row["dev_selection"])
    examples = load_splits(run.config).dev
    rows = run.task.encode(examples)
    scores = run.task.dev_scores(run.model, rows, "fp32")
    for name, value in scores.items():
        assert best[f"dev_{name}"] == pytest.approx(value, rel=1e-5, abs=1e-9), name


def test_training_leaves_no_row_out(fit, monkeypatch):
    """Every training row passes through the model once an epoch, dev and test rows never."""
    from nlpcl.zoo.sdcl.model import SDCL

    seen = []
    forward = SDCL.forward

    def watched(self, input_ids, attention_mask, labels=None):
        if self.training:
            seen.extend(
                tuple(row[mask.bool()].tolist())
                for row, mask in zip(input_ids, attention_mask, strict=True)
            )
        return forward(self, input_ids, attention_mask, labels)

    monkeypatch.setattr(SDCL, "forward", watched)
    run = fit(epochs=2)
    from nlpcl.runs.rows import load_splits

    rows = [tuple(row["input_ids"]) for row in run.task.encode(load_splits(run.config).train)]
    assert sorted(seen) == sorted(rows * 2)


def test_what_a_model_follows_stands_in_the_history(fit, monkeypatch):
    from nlpcl.zoo.sdcl.model import SDCL

    seen = []
    monkeypatch.setattr(SDCL, "set_progress", lambda model, done: seen.append(done))
    monkeypatch.setattr(SDCL, "scheduled", lambda model: {"share": seen[-1]})
    folder = fit(epochs=2).folder
    updates = len(seen)
    last = [(updates // 2 - 1) / updates, (updates - 1) / updates]
    assert [row["share"] for row in history(folder)] == pytest.approx(last)


def test_the_time_of_an_epoch_is_the_median_of_whole_ones():
    from nlpcl.training.records import Training

    assert Training([], False, True, [3.0, 1.0, 1.5]).seconds_per_epoch == 1.5
    assert Training([], True, False, []).seconds_per_epoch is None
