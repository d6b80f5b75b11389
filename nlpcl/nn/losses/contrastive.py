"""Contrastive losses, vectorised and masked.

Each is computed in fp32, also under autocast, and returns its sum and the number of terms.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size, ``E`` wrong characters in the batch.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from nlpcl.nn.model import IGNORE

Negatives = Literal["teacher", "student", "batch"]


def self_distillation(
    student: Tensor,
    teacher: Tensor,
    errors: Tensor,
    valid: Tensor,
    temperature: float,
    negatives: Negatives = "teacher",
) -> tuple[Tensor, Tensor]:
    """Token-level self-distillation loss L_c of SDCL (arXiv 2210.17168).

    For each wrong character i: ``-log exp(cos(h̃_i, h_i)/τ) / Σ_j exp(cos(h̃_i, k_j)/τ)``. The
    positive is the same position in the correct sentence; the other keys ``k_j`` are

    - ``teacher``: the correct sentence's other characters (the paper's formula),
    - ``student``: the wrong sentence's other characters, other errors included (its prose),
    - ``batch``: every unchanged character of the batch's wrong sentences (a public
      re-implementation); its scale depends on the batch size.

    Gradients flow into both sides.

    Args:
        student: states of the sentences as written, ``(B, L, H)``.
        teacher: states of the correct sentences, ``(B, L, H)``.
        errors: True at wrong characters, ``(B, L)``.
        valid: True at characters, False at pads and special tokens, ``(B, L)``.
        temperature: τ above 0.
        negatives: which characters are the other keys.

    Returns:
        The sum over wrong characters and their number; both 0 without any.
    """
    with torch.autocast(student.device.type, enabled=False):
        queries = functional.normalize(student.float(), dim=-1)
        keys = functional.normalize(teacher.float(), dim=-1)
        count = errors.sum()
        if negatives == "batch":
            positives = (queries * keys).sum(-1)[errors]  # (E,)
            others = queries[errors] @ queries[valid & ~errors].T  # (E, M)
            similarities = torch.cat([positives.unsqueeze(1), others], dim=1)
            target = torch.zeros_like(positives, dtype=torch.long)
        else:
            similarities = queries @ (keys if negatives == "teacher" else queries).mT  # (B, L, L)
            if negatives == "student":
                diagonal = torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)
                positives = (queries * keys).sum(-1).unsqueeze(1)  # (B, 1, L)
                similarities = torch.where(diagonal, positives, similarities)
            similarities = similarities.masked_fill(~valid.unsqueeze(1), float("-inf"))[errors]
            target = errors.nonzero()[:, 1]
        losses = functional.cross_entropy(similarities / temperature, target, reduction="sum")
    return losses, count


def info_nce(first: Tensor, second: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Self-supervised contrast of two views of each text (SimCSE, arXiv 2104.08821, equation 1).

    ``-log exp(cos(a_i, b_i)/τ) / Σ_j exp(cos(a_i, b_j)/τ)``: the positive is the other view of the
    text, the negatives are the other views of the batch's other texts. A single text has none.

    Args:
        first: vectors a of one view, ``(B, H)``.
        second: vectors b of the other view, ``(B, H)``.
        temperature: τ above 0.

    Returns:
        The sum over texts and their number; both 0 for a single text.
    """
    with torch.autocast(first.device.type, enabled=False):
        queries = functional.normalize(first.float(), dim=-1)
        keys = functional.normalize(second.float(), dim=-1)
        own = torch.arange(len(first), device=first.device)
        losses = functional.cross_entropy(queries @ keys.T / temperature, own, reduction="sum")
    return losses, torch.tensor(len(first) if len(first) > 1 else 0, device=first.device)


def positives(labels: Tensor) -> Tensor:
    """True where another row has the same class, ``(B, B)``.

    Args:
        labels: class numbers ``(B,)``, -100 for none, which equals no other.
    """
    same = (labels.unsqueeze(1) == labels) & (labels != IGNORE)
    return same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)


def supervised_contrast(
    vectors: Tensor, labels: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Supervised contrastive loss L_out (Khosla et al. 2020, arXiv 2004.11362, equation 2).

    For each text i with others P of its class in the batch: the mean over P of
    ``-log exp(cos(z_i, z_p)/τ) / Σ_{j≠i} exp(cos(z_i, z_j)/τ)``. Texts without a label are left
    out. Difference from the authors' code: no factor τ / 0.07.

    Args:
        vectors: z, ``(B, H)``.
        labels: class numbers ``(B,)``, -100 for none.
        temperature: τ above 0.

    Returns:
        The sum over texts that have a positive, and their number; both 0 without any.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        unit = functional.normalize(vectors.float(), dim=-1)
        known = labels != IGNORE
        others = known & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        similarities = unit @ unit.T / temperature
        # The smallest number instead of -inf: a row of -inf alone would give NaN.
        logs = similarities.masked_fill(~others, torch.finfo(torch.float32).min).log_softmax(1)
        pairs = positives(labels)
        terms = -logs.masked_fill(~pairs, 0.0).sum(1) / pairs.sum(1).clamp(min=1)
        return terms.sum(), pairs.any(1).sum()
