"""Batches of clips."""

from __future__ import annotations

import torch

from nlpcl.tasks.emotion.batches import padded


def test_waveforms_are_padded_behind_their_end():
    rows = [{"label": 1, "speaker": 5}, {"label": 0, "speaker": 6}]
    batch = padded([torch.tensor([1.0, 2, 3]), torch.tensor([4.0])], rows)
    assert batch["inputs"].tolist() == [[1, 2, 3], [4, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [1, 0]
    assert batch["speakers"].tolist() == [5, 6]


def test_frames_are_padded_along_time():
    batch = padded([torch.ones(2, 4), torch.ones(3, 4)], [{"label": 0, "speaker": 0}, {}])
    assert batch["inputs"].shape == (2, 3, 4)
    assert batch["inputs"].sum((1, 2)).tolist() == [8, 12]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert "labels" not in batch


def test_layers_of_frames_are_padded_along_time():
    layers = torch.arange(2 * 3 * 4.0).view(2, 3, 4)
    batch = padded([layers, layers[:, :1]], [{}, {}])
    assert batch["inputs"].shape == (2, 2, 3, 4)  # clips, layers, frames, size
    torch.testing.assert_close(batch["inputs"][0], layers)
    torch.testing.assert_close(batch["inputs"][1, :, :1], layers[:, :1])
    assert batch["inputs"][1, :, 1:].abs().sum() == 0
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
