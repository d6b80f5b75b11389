"""Contrastive losses, vectorised and masked.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size, ``E`` wrong characters in the batch.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

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
    positive is the same place in the correct sentence; the keys ``k_j`` besides it are

    - ``teacher``: the correct sentence's other characters (the paper's formula),
    - ``student``: the wrong sentence's other characters, other errors included (its prose),
    - ``batch``: every unchanged character of the batch's wrong sentences (a public
      re-implementation); its scale moves with the batch size.

    Computed in fp32 whatever the autocast. Gradients reach both sides.

    Args:
        student: states of the sentences as written, ``(B, L, H)``.
        teacher: states of the correct sentences, ``(B, L, H)``.
        errors: True at wrong characters, ``(B, L)``.
        valid: True at characters, False at pads and special tokens, ``(B, L)``.
        temperature: τ above 0.
        negatives: which keys.

    Returns:
        The sum over wrong characters and their number; 0 and 0 without any.
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
