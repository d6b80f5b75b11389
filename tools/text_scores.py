"""What an encoder restores and corrects in held-out text; for selection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from text_batches import Corpus, Noised, Special

from nlpcl.text.noise.noise import MASK, RANDOM, WORD, Noise
from nlpcl.text.noise.tables import ErrorTables

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
INTACT = 97.0
"""Percent of the clean sentences that must stay as they are."""


class Scores:
    """Scores of a model, on the same noised rows each time."""

    def __init__(
        self, dev: Corpus, tables: Sequence[ErrorTables], noise: Noise, special: Special,
        han: np.ndarray, device: torch.device, most: int,
    ) -> None:  # fmt: skip
        self.han, self.device = torch.from_numpy(han).to(device), device
        masks = Noise({MASK: 1.0}, noise.mask, han, 0.15, 0.0)
        kinds = {WORD: 0.5, "pinyin": 0.25, "near_pinyin": 0.15, "shape": 0.07, RANDOM: 0.03}
        wrong = Noise(kinds, noise.mask, han, 0.1, 1.0, 1.0)
        everyday = dev.of("everyday")[:most]

        def rows(part: np.ndarray, made: Noise, copied: float) -> list[dict[str, torch.Tensor]]:
            source = Noised(dev, tables, made, special, {}, 8192, copied, 7)
            generator = np.random.default_rng(7)
            starts = range(0, len(part), 64)
            return [source.batch(part[at : at + 64], generator) for at in starts]

        self.masked = {
            name: rows(dev.of(name)[:most], masks, 0.0)
            for name in ("everyday", "technical", "traditional")
            if len(dev.of(name))  # a trial may have none
        }
        clean = Noise({}, noise.mask, han, 0.1, 1.0, 0.0)
        typos = dev.of("typos")[:most]
        self.pairs = {
            "typos": [*rows(typos, wrong, 1.0), *as_clean(rows(typos, clean, 1.0))],
            "made": rows(everyday, wrong, 1.0),
        }
        self.clean = rows(everyday, clean, 1.0)

    @torch.no_grad()
    def __call__(self, model: Any) -> dict[str, float]:
        """Percent of masked characters restored, and sentences corrected, by held-out set."""
        model.eval()
        values: dict[str, float] = {}
        for name, batches in self.masked.items():
            found = [self.restored(model, batch) for batch in batches]
            hits, loss, count = map(sum, zip(*found, strict=True))
            values[f"{name}_masked"] = round(100 * hits / count, 2)
            values[f"{name}_loss"] = round(loss / count, 4)
        clean = list(self.changes(model, self.clean))
        for name, batches in self.pairs.items():
            values |= {
                f"{name}_{key}": value
                for key, value in corrected([*self.changes(model, batches)], clean).items()
            }
        return values

    def logits(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Vocabulary scores at the predicted places, in float32."""
        moved = {k: v.to(self.device) for k, v in batch.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            hidden = model.bert(moved["input_ids"], moved["attention_mask"])[0]
            return model.cls(hidden.flatten(0, 1)[moved["places"]]).float()

    def restored(self, model: Any, batch: dict[str, torch.Tensor]) -> tuple[int, float, int]:
        """Characters restored, the sum of their losses, and how many there are."""
        logits, labels = self.logits(model, batch), batch["labels"].to(self.device)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return int((logits.argmax(-1) == labels).sum()), float(loss), len(labels)

    def changes(
        self, model: Any, batches: Sequence[dict[str, torch.Tensor]]
    ) -> Iterator[np.ndarray]:
        """For each row its places as ``(4, n)``: written, best and right id, probability."""
        for batch in batches:
            logits = self.logits(model, batch)
            written = batch["input_ids"].flatten()[batch["places"]]
            total = logits.logsumexp(-1)
            best, chosen = logits[:, : len(self.han)].masked_fill(~self.han, -1e9).max(-1)
            stays = (logits.argmax(-1).cpu() == written) | ~self.han.cpu()[written]
            probability = (best - total).exp().cpu().double()
            chosen = torch.where(stays, written, chosen.cpu())
            table = np.stack([written, chosen, batch["labels"], probability.numpy()])
            row = batch["places"].numpy() // batch["input_ids"].shape[1]
            cuts = np.flatnonzero(np.diff(row)) + 1
            yield from np.split(table, cuts, axis=1)


def as_clean(batches: Sequence[dict[str, torch.Tensor]]) -> Sequence[dict[str, torch.Tensor]]:
    """The right sentences of pairs, as sentences without an error."""
    for batch in batches:
        batch["input_ids"].view(-1)[batch["places"]] = batch["labels"]
    return batches


def corrected(pairs: Sequence[np.ndarray], clean: Sequence[np.ndarray]) -> dict[str, float]:
    """The best strict F1 at a threshold that leaves 97 % of the clean sentences intact.

    Args:
        pairs: sentences with and without errors.
        clean: further sentences without errors, counted for what stays intact alone.
    """
    found = {"f1": 0.0, "threshold": 1.0, "intact": 100.0}
    erroneous = [row for row in pairs if (row[0] != row[2]).any()]
    right = [row for row in pairs if (row[0] == row[2]).all()] + list(clean)
    own = len(right) - len(clean)
    for threshold in THRESHOLDS:
        hits = sum(is_corrected(row, threshold) for row in erroneous)
        changed = sum(is_changed(row, threshold) for row in erroneous)
        false = [is_changed(row, threshold) for row in right]
        intact = 100 * (1 - np.mean(false))
        f1 = 200 * hits / max(changed + sum(false[:own]) + len(erroneous), 1)
        if intact >= INTACT and f1 > found["f1"]:
            found = {"f1": f1, "threshold": threshold, "intact": float(intact)}
    wrong = np.concatenate([row[:, row[0] != row[2]] for row in erroneous], axis=1)
    found["ranked"] = float(100 * np.mean(wrong[1] == wrong[2]))
    return {key: round(value, 2) for key, value in found.items()}


def is_changed(row: np.ndarray, threshold: float) -> bool:
    """Whether a sentence is changed."""
    return bool(((row[1] != row[0]) & (row[3] >= threshold)).any())


def is_corrected(row: np.ndarray, threshold: float) -> bool:
    """Whether a sentence becomes right."""
    made = np.where((row[1] != row[0]) & (row[3] >= threshold), row[1], row[0])
    return bool((made == row[2]).all())
