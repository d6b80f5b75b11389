"""SDCL: self-distillation contrastive learning for Chinese spell checking (arXiv 2210.17168).

The sentence as written (student) and the correct sentence (teacher) go through one encoder with one
set of weights. ``L = L_x + α·L_y + β·L_c``: L_x is the cross-entropy of correcting the student's
sentence, L_y that of copying the teacher's, L_c pulls a wrong character's state to that of the
right character in the same place (:func:`nlpcl.nn.losses.contrastive.self_distillation`).

Differences from the paper, and choices it leaves open: gradients flow into the teacher (the paper
does not say); L_c is the mean over the wrong characters of an update; special tokens are excluded
from all terms; where the vocabulary lacks the right character, the source character is kept. A
sentence without a wrong character is its own teacher and is encoded once: without dropout the sums
are the same, with it their expectation is.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary, ``H`` hidden size, ``N`` selected tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, PreTrainedModel

from nlpcl.core.errors import UserError
from nlpcl.nn.losses.contrastive import self_distillation
from nlpcl.nn.model import IGNORE, Batch, Output, Part, ZooConfig, ZooModel, weighted_sum
from nlpcl.zoo.masked_lm import head_losses, head_scores, head_transform, masked_lm_head
from nlpcl.zoo.sdcl.config import Config


class SDCL(ZooModel):
    """A spelling corrector around any encoder of ``AutoModelForMaskedLM``."""

    name = "sdcl"
    auto_class = AutoModelForMaskedLM

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        self.options = Config.from_saved(config.options, where="config.json")
        self.backbone: PreTrainedModel = AutoModelForMaskedLM.from_config(
            config.backbone, trust_remote_code=False
        )
        width = self.backbone.get_input_embeddings().embedding_dim
        hidden = self.backbone.config.hidden_size
        if self.options.output_layer == "elementwise" and width != hidden:
            raise UserError(
                f"elementwise needs embeddings as wide as the states; here {width} and {hidden}",
                "--output-layer",
                "Use tied, or another encoder.",
            )
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> Output:
        """Score corrections; with labels, compute the loss too.

        Args:
            input_ids: the sentence as written, ``(B, L)``.
            attention_mask: 1 at tokens, 0 at pads, ``(B, L)``.
            labels: ids of the correct sentence, -100 at pads and special tokens, ``(B, L)``.

        Returns:
            Logits ``(B, L, V)`` (None while training) and the parts ``x``, ``y`` and ``c``, without
            those of weight 0.
        """
        if labels is None:
            hidden = self.encode(input_ids, attention_mask)
            return Output(logits=self.project(hidden, input_ids))
        rows, valid = len(input_ids), labels != IGNORE
        wrong = valid & (labels != input_ids)
        has_teacher = self.taught(wrong)
        taught = has_teacher.nonzero()[:, 0]  # (T,)
        # One merged pass; the B sentences as written come first.
        ids = torch.cat([input_ids, torch.where(valid, labels, input_ids)[taught]])  # (B + T, L)
        hidden = self.encode(ids, torch.cat([attention_mask, attention_mask[taught]]))
        scored = torch.cat([valid, valid[taught] & bool(self.options.alpha)])
        states = self.before_head(hidden[scored], ids[scored])
        losses, scores = head_losses(  # (N,) and (N, V), no pads
            self.backbone,
            states,
            torch.cat([labels, labels[taught]])[scored],
            keep_scores=not self.training,
        )
        count = valid.sum()
        correcting, copying = losses[:count], losses[count:]
        parts = {"x": Part(correcting.sum(), count)}
        if self.options.alpha:
            is_own_teacher = ~has_teacher.unsqueeze(1).expand_as(valid)[valid]
            total = copying.sum() + (correcting * is_own_teacher).sum()
            parts["y"] = Part(total, count, self.options.alpha)
        if self.options.beta:
            teachers = torch.arange(rows, device=labels.device)
            teachers[taught] = torch.arange(rows, len(ids), device=labels.device)
            parts["c"] = self.contrast(hidden[:rows], hidden[teachers], wrong, valid)
        logits = None
        if scores is not None:
            logits = scores.new_zeros(*labels.shape, scores.shape[-1])
            logits[valid] = scores[:count]
        return Output(weighted_sum(parts), logits, parts, states[:count])

    def taught(self, wrong: Tensor) -> Tensor:
        """Rows whose correct sentence is encoded too, ``(B,)``: where it is another, and of use.

        Args:
            wrong: True at wrong characters, ``(B, L)``.
        """
        return wrong.any(1) & bool(self.options.alpha or self.options.beta)

    def contrast(self, student: Tensor, teacher: Tensor, wrong: Tensor, valid: Tensor) -> Part:
        """L_c, over the sentences of the whole update where their characters are the negatives."""
        options = self.options
        loss = partial(
            self_distillation, temperature=options.temperature, negatives=options.negatives
        )
        compared = (student, teacher, wrong, valid)
        if options.negatives == "batch":
            return self.coupled_part("c", loss, *compared, weight=options.beta)
        return Part(*loss(*compared), options.beta)

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """States of the last layer, ``(B, L, H)``."""
        return self.backbone.base_model(input_ids=input_ids, attention_mask=attention_mask)[0]

    def scores_at(
        self, input_ids: Tensor, attention_mask: Tensor, places: Tensor
    ) -> Iterator[Tensor]:
        """Scores at chosen places alone, see :class:`nlpcl.nn.vocabulary.ScoresPlaces`."""
        return head_scores(self.backbone, self.states_at(input_ids, attention_mask, places))

    def states_at(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        """What the head gets at chosen places, :class:`nlpcl.nn.vocabulary.ComparesPlaces`."""
        hidden = self.encode(input_ids, attention_mask)[places]
        return self.before_head(hidden, input_ids[places])

    def score(self, states: Tensor) -> Tensor:
        """Scores from what the head gets, ``(N, H)`` → ``(N, V)``."""
        return masked_lm_head(self.backbone)(states)

    def project(self, hidden: Tensor, input_ids: Tensor) -> Tensor:
        """Vocabulary scores from the encoder's own tied head, ``(..., V)``."""
        return masked_lm_head(self.backbone)(self.before_head(hidden, input_ids))

    def before_head(self, hidden: Tensor, input_ids: Tensor) -> Tensor:
        """What the head gets of the encoder's states, ``(..., H)``."""
        if self.options.output_layer == "elementwise":
            return hidden * self.backbone.get_input_embeddings()(input_ids)
        return hidden

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """All characters for ``x`` and ``y``, wrong characters for ``c``."""
        valid = batch["labels"] != IGNORE
        wrong = valid & (batch["labels"] != batch["input_ids"])
        return {"x": valid.sum(), "y": valid.sum(), "c": wrong.sum()}

    def modules_to_bypass(self) -> dict[str, nn.Module]:
        """The head's transform; the layers of an encoder can be bypassed in any model."""
        return head_transform(self.backbone)
