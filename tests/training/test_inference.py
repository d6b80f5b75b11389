"""One way from rows to predictions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.integers(0, 200), max_size=60), st.integers(1, 500))
def test_batches_hold_every_row_once_within_the_budget(lengths, tokens):
    from nlpcl.text.encoders import first_known  # noqa: F401  (see test_auto_classes)
    from nlpcl.training.inference import batches_by_length

    batches = list(batches_by_length(lengths, tokens))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= tokens


@pytest.mark.parametrize("tokens", [1, 40, 100000])
def test_the_mean_losses_do_not_depend_on_the_batches(finished_run, tokens, pairs):
    import nlpcl
    from nlpcl.training.inference import infer

    run = nlpcl.load(finished_run, device="cpu", precision="fp32")
    rows = run.task.encode([{"source": a, "target": b} for a, b in pairs])
    edits, losses = infer(run.model, run.task, rows, precision="fp32", tokens=tokens)
    whole = run.model(**run.task.collate(rows))
    for name, part in whole.parts.items():
        assert losses[name] == pytest.approx(float(part.mean().detach()), rel=1e-4)
    assert losses["loss"] == pytest.approx(float(whole.loss.detach()), rel=1e-4)
    assert len(edits) == len(rows)
    assert not run.model.training


def test_memory_is_given_back_between_batches(finished_run, pairs, monkeypatch):
    import nlpcl
    from nlpcl.training import inference

    run = nlpcl.load(finished_run, device="cpu")
    features = run.task.encode([{"source": wrong, "target": right} for wrong, right in pairs[:4]])
    calls: list[None] = []
    monkeypatch.setattr(inference, "return_freed", lambda: calls.append(None))
    longest = max(map(inference.length, features))
    for tokens, batches in ((1, 4), (4 * longest, 1)):
        calls.clear()
        inference.infer(run.model, run.task, features, precision="fp32", tokens=tokens)
        assert len(calls) == batches - 1
