"""Attribution of a classifier's output to the words of a text, by two methods.

Words are those of :mod:`nlpcl.text.words`. They are taken out as tokens, so that the rest of a text
is read as before.

Source: Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks" (integrated
gradients); Li, Monroe and Jurafsky 2016, "Understanding neural networks through representation
erasure" (leave-one-out).

Legend: ``B`` batch, ``L`` tokens, ``H`` width of the embeddings, ``C`` classes, ``S`` steps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlpcl.core.errors import unknown_name
from nlpcl.runs.predictor import Predictor
from nlpcl.tasks.classification.rows import Decision
from nlpcl.text.encoders import first_known
from nlpcl.text.words import METHODS, Reading, WordWeight, read
from nlpcl.training.inference import batches_by_length, infer


def word_attributions(
    model: Any,
    task: Any,
    texts: Sequence[str],
    target: str | Sequence[str] | None = None,
    *,
    method: str = "gradients",
    steps: int = 32,
    tokens: int = 8192,
    precision: str = "fp32",
) -> list[list[WordWeight]]:
    """Return the words of texts with their attributions, in the order of the text.

    Args:
        model: a classifier of texts on its device.
        task: its task: ``processor`` (a fast tokenizer), ``limit``, ``collate`` and ``decode``.
        texts: any text; one that has no token has no words.
        target: the class that is explained, or one for each text; by default the one that the
            model decides for.
        method: ``gradients`` or ``leave-one-out``.
        steps: points of the integral, for ``gradients``.
        tokens: padded tokens a batch, copies of a text for the steps counted.
        precision: of leave-one-out; gradients are taken in fp32.

    Raises:
        UserError: unknown method or class.
    """
    if method not in METHODS:
        raise unknown_name("method", method, METHODS, where="--explain")
    readings = [read(task, text) for text in texts]
    filled = [row for row, reading in enumerate(readings) if reading.spans]
    if not filled:
        return [[] for _ in texts]
    shown = [readings[row] for row in filled]
    if target is not None and not isinstance(target, str):
        target = [target[row] for row in filled]
    classes = targets(model, task, shown, target, precision, tokens)
    weights = attributions(
        model, task, shown, classes, method=method, steps=steps, tokens=tokens, precision=precision
    )
    found: list[list[WordWeight]] = [[] for _ in texts]
    for row, reading, values in zip(filled, shown, weights, strict=True):
        found[row] = reading.weighted(values)
    return found


def explained(
    predictor: Predictor, rows: Iterable[dict[str, Any]], *, method: str, window: int = 1024
) -> Iterator[dict[str, Any]]:
    """Add the words of each text to its prediction: ``"words": [[word, start, end, weight], ...]``.

    Args:
        predictor: what gave the answers.
        rows: with ``text`` and ``label``; without a label there are no words.
        method: ``gradients`` or ``leave-one-out``.
        window: rows explained together.
    """
    waiting = iter(rows)
    while chunk := list(islice(waiting, window)):
        labelled = [row for row in chunk if row["label"] is not None]
        words = word_attributions(
            predictor.model,
            predictor.task,
            [row["text"] for row in labelled],
            [row["label"] for row in labelled],
            method=method,
        )
        for row in chunk:
            row["words"] = []
        for row, found in zip(labelled, words, strict=True):
            row["words"] = [
                [word.text, word.start, word.end, round(float(word.weight), 6)] for word in found
            ]
        yield from chunk


def attributions(
    model: Any,
    task: Any,
    readings: Sequence[Reading],
    classes: Sequence[int],
    *,
    method: str,
    steps: int = 32,
    tokens: int = 8192,
    precision: str = "fp32",
) -> list[list[float]]:
    """Compute the attribution of every word by either method, for texts that have words."""
    if method == "gradients":
        return integrated_gradients(model, task, readings, classes, steps=steps, tokens=tokens)
    return leave_one_out(model, task, readings, classes, precision=precision, tokens=tokens)


def targets(
    model: Any,
    task: Any,
    readings: Sequence[Reading],
    target: str | Sequence[str] | None,
    precision: str,
    tokens: int,
) -> list[int]:
    """Return the index of the class that each text is explained for."""
    decision = Decision.of_model(model.config)
    if target is None:
        ids = [reading.ids for reading in readings]
        found = class_probabilities(model, task, ids, precision=precision, tokens=tokens)
        return [decision.labels.index(decision(values)) for values in found.tolist()]
    names = [target] * len(readings) if isinstance(target, str) else target
    for name in names:
        if name not in decision.labels:
            raise unknown_name("class", name, decision.labels)
    return [decision.labels.index(name) for name in names]


def class_probabilities(
    model: Any, task: Any, rows: Sequence[Sequence[int]], *, precision: str, tokens: int
) -> np.ndarray:
    """Probabilities of the classes ``(N, C)`` for rows of token ids."""
    features = [{"input_ids": list(ids)} for ids in rows]
    found, _ = infer(model, task, features, precision=precision, tokens=tokens)
    return np.array(found, dtype=np.float64).reshape(len(rows), -1)


def leave_one_out(
    model: Any,
    task: Any,
    readings: Sequence[Reading],
    classes: Sequence[int],
    *,
    precision: str = "fp32",
    tokens: int = 8192,
) -> list[list[float]]:
    """For each word, the drop in the probability of the class when it is removed."""
    rows: list[list[int]] = []
    for reading in readings:
        rows += [reading.ids, *(reading.without([word]) for word in range(len(reading.spans)))]
    found = class_probabilities(model, task, rows, precision=precision, tokens=tokens)
    weights: list[list[float]] = []
    start = 0
    for reading, target in zip(readings, classes, strict=True):
        own = found[start : start + len(reading.spans) + 1, target]
        weights.append((own[0] - own[1:]).tolist())
        start += len(own)
    return weights


def integrated_gradients(
    model: Any,
    task: Any,
    readings: Sequence[Reading],
    classes: Sequence[int],
    *,
    steps: int = 32,
    tokens: int = 8192,
) -> list[list[float]]:
    """The contribution of each word to the log-odds of the class, relative to the empty text.

    The path goes straight from the text with a pad's embedding in place of every word's token to
    the text, in the space of the word embeddings; special tokens and positions stay. The integral
    is a Gauss-Legendre sum. Completeness: the weights of a text add up to the difference of its
    ends, but for the error of that sum.

    Args:
        model: a classifier of texts.
        task: collates.
        readings: texts with at least one word each.
        classes: class number of each text.
        steps: points S of the sum.
        tokens: padded tokens a batch, the S copies of a text counted.
    """
    nodes, quadrature = np.polynomial.legendre.leggauss(steps)
    device = next(model.parameters()).device
    alphas = torch.tensor((nodes + 1) / 2, dtype=torch.float32, device=device)
    parts = torch.tensor(quadrature / 2, dtype=torch.float32, device=device)
    pad = first_known(task.processor.pad_token_id, 0)
    found: list[list[float]] = [[] for _ in readings]
    model.eval()
    for rows in batches_by_length([len(reading.ids) * steps for reading in readings], tokens):
        chosen = [readings[row] for row in rows]
        wanted = torch.tensor([classes[row] for row in rows], device=device)
        batch = task.collate([{"input_ids": reading.ids} for reading in chosen])
        batch = {name: value.to(device) for name, value in batch.items()}
        inside = content(chosen, batch)
        values = token_attributions(model, batch, inside, pad, wanted, alphas, parts)
        for row, reading, own in zip(rows, chosen, values.tolist(), strict=True):
            found[row] = [sum(own[place] for place in places) for places in reading.places]
    return found


def content(readings: Sequence[Reading], batch: dict[str, Tensor]) -> Tensor:
    """Mask of the tokens that belong to words, ``(B, L)``."""
    mask = torch.zeros(batch["input_ids"].shape, dtype=torch.bool)
    for row, reading in enumerate(readings):
        mask[row, [place for places in reading.places for place in places]] = True
    return mask.to(batch["input_ids"].device)


def token_attributions(
    model: Any,
    batch: dict[str, Tensor],
    inside: Tensor,
    pad: int,
    classes: Tensor,
    alphas: Tensor,
    parts: Tensor,
) -> Tensor:
    """Integrated gradients of the log-odds, summed over the width, ``(B, L)``.

    Args:
        model: a classifier of texts.
        batch: ``input_ids`` and ``attention_mask``.
        inside: True at tokens that the path changes, ``(B, L)``.
        pad: the id that stands in their place at its beginning.
        classes: class numbers ``(B,)``.
        alphas: points of the path, 0..1, ``(S,)``.
        parts: their weights in the sum, ``(S,)``.
    """
    count = len(alphas)
    with torch.inference_mode(False), torch.enable_grad():
        # Tensors of inference mode may not take part in a gradient.
        ids, mask = batch["input_ids"].clone(), batch["attention_mask"].clone()
        layer = model.backbone.get_input_embeddings()
        text = layer(ids).detach()
        empty = layer(torch.full_like(ids, pad)).detach()
        change = torch.where(inside.unsqueeze(-1), text - empty, 0.0)
        path = text - change + alphas[:, None, None, None] * change  # (S, B, L, H)
        path = path.flatten(0, 1).requires_grad_()
        with embeddings_replaced(layer, path):
            logits = model(ids.repeat(count, 1), mask.repeat(count, 1)).logits
        odds = log_odds(logits.float(), classes.repeat(count))
        (slopes,) = torch.autograd.grad(odds.sum(), path)
        slopes = slopes.unflatten(0, (count, -1))
        return (torch.einsum("s,sblh->blh", parts, slopes) * change).sum(-1).detach()


def log_odds(logits: Tensor, classes: Tensor) -> Tensor:
    """Log-odds ``log(p / (1 - p))`` of one class per row, ``(B,)``; unlike p, never saturated."""
    own = logits.gather(1, classes.unsqueeze(1)).squeeze(1)
    others = logits.scatter(1, classes.unsqueeze(1), float("-inf"))
    return own - others.logsumexp(1)


@contextlib.contextmanager
def embeddings_replaced(layer: torch.nn.Module, states: Tensor) -> Iterator[None]:
    """Make the embedding layer return ``(B, L, H)`` given states, whatever its input ids."""
    handle = layer.register_forward_hook(lambda *_: states)
    try:
        yield
    finally:
        handle.remove()
