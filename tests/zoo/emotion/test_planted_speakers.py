"""Data with a planted leak: random splits are fooled by it, speaker-disjoint ones are not.

And data in which emotion and speaker can be told apart: the adversary removes the speaker.
"""

from __future__ import annotations

import pytest
import torch

from nlpcl.data.protocols import folds
from nlpcl.metrics.probe import probe
from nlpcl.nn.model import weighted_sum

LABELS = ["angry", "happy", "neutral"]
SPEAKERS = [f"s{number:02}" for number in range(9)]
WIDTH = 10


def rows_of(clips: int):
    """Every speaker has one emotion in all of its clips, and three speakers share each."""
    return [
        {
            "id": f"{name}-{take}",
            "speaker": name,
            "session": f"session-{at // 3}",
            "label": LABELS[at % 3],
        }
        for at, name in enumerate(SPEAKERS)
        for take in range(clips)
    ]


def frames_of(codes, generator, noise=0.3):
    """Clips of 6 frames: a code and some noise, ``(B, T, H)``."""
    codes = torch.as_tensor(codes, dtype=torch.float32)
    return codes.unsqueeze(1) + noise * torch.randn(len(codes), 6, WIDTH, generator=generator)


def train(model, inputs, labels, speakers, steps, lr=5e-3):
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr)
    mask = torch.ones(inputs.shape[:2], dtype=torch.long)
    model.train()
    for step in range(steps):
        model.set_progress(step / steps)
        output = model(inputs, mask, labels, speakers)
        optimiser.zero_grad()
        weighted_sum(output.parts).backward()
        optimiser.step()
    return model.eval()


def made_tiny(made, **options):
    sizes = {"hidden": 8, "gru_layers": 1, "frame_pool": 1, "normalization": "none"}
    return made("emotion-enhanced", **sizes | options)


@pytest.mark.parametrize(("protocol", "least", "most"), [("random", 95, 100), ("loso", 0, 70)])
def test_a_leak_of_speakers_shows_under_a_random_split_alone(made, protocol, least, most):
    rows = rows_of(8)
    generator = torch.Generator().manual_seed(0)
    codes = {name: 2 * torch.randn(WIDTH, generator=generator) for name in SPEAKERS}
    right = total = 0
    for fold in folds(rows, protocol, seed=1)[:3]:
        torch.manual_seed(0)
        parts = {}
        for name, part in (("train", [*fold.train, *fold.dev]), ("test", fold.test)):
            inputs = frames_of(torch.stack([codes[row["speaker"]] for row in part]), generator)
            parts[name] = inputs, torch.tensor([LABELS.index(row["label"]) for row in part])
        model = train(
            made_tiny(made, adversary=False, input_norm="none"), *parts["train"], None, 60
        )
        inputs, labels = parts["test"]
        with torch.no_grad():
            found = model(inputs, torch.ones(inputs.shape[:2])).logits.argmax(-1)
        right, total = right + int((found == labels).sum()), total + len(labels)
    assert least <= 100 * right / total <= most


def test_the_probe_falls_when_the_adversary_learns(made):
    """Emotion in three channels, one of four speakers in four others."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(96) % 3
    speakers = torch.arange(96) // 3 % 4
    codes = torch.zeros(96, WIDTH)
    codes[torch.arange(96), labels] = 2.0
    codes[torch.arange(96), 4 + speakers] = 2.0
    inputs, fresh = (frames_of(codes, generator, noise=1.0) for _ in range(2))
    mask = torch.ones(inputs.shape[:2])
    accuracy, heard = {}, {}
    for adversary in (False, True):
        torch.manual_seed(0)
        options = {"adversary": adversary, "adversarial_weight": 0.3, "alpha_schedule": "dann"}
        model = made_tiny(made, input_norm="none", **options)
        train(model, inputs, labels, speakers, 800, lr=2e-3)
        with torch.no_grad():
            accuracy[adversary] = float(
                (model(fresh, mask).logits.argmax(-1) == labels).float().mean()
            )
            vectors = model.embed(fresh, mask).numpy()
        names = [str(int(name)) for name in speakers]
        heard[adversary] = probe(vectors, names, folds=3).accuracy
    assert min(accuracy.values()) > 0.9
    # Chance is 25. Much greater weights remove less.
    assert heard[True] < heard[False] - 8
