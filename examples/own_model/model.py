"""Correction and detection, learned together: a complete model in one small file."""

import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModelForMaskedLM

from nlpcl.nn.model import IGNORE, Output, Part, ZooModel, weighted_sum

from .config import Config


class OwnModel(ZooModel):
    """Cross-entropy of the right character, plus that of "this character is wrong"."""

    name = "own-model"
    auto_class = AutoModelForMaskedLM

    def __init__(self, config):
        super().__init__(config)
        self.options = Config.from_dict(config.options, where="config.json")
        self.backbone = AutoModelForMaskedLM.from_config(config.backbone, trust_remote_code=False)
        self.detector = nn.Linear(config.backbone.hidden_size, 1)
        self.post_init()

    def forward(self, input_ids, attention_mask, labels=None):
        """See nlpcl/zoo/sdcl/model.py for the shapes; the parts are logged by their names."""
        output = self.backbone(input_ids, attention_mask, output_hidden_states=True)
        if labels is None:
            return Output(logits=output.logits)
        valid = labels != IGNORE
        right, wrong = labels[valid], (labels != input_ids)[valid].float()
        characters, states = output.logits[valid].float(), output.hidden_states[-1][valid]
        correction = functional.cross_entropy(characters, right, reduction="sum")
        detection = functional.binary_cross_entropy_with_logits(
            self.detector(states).squeeze(-1).float(), wrong, reduction="sum"
        )
        count, weight = valid.sum(), self.options.detection
        parts = {"correction": Part(correction, count), "detection": Part(detection, count, weight)}
        return Output(loss=weighted_sum(parts), logits=output.logits, parts=parts)

    def counts(self, batch) -> dict[str, torch.Tensor]:
        """Makes accumulated micro-batches weigh as one big batch does."""
        return dict.fromkeys(("correction", "detection"), (batch["labels"] != IGNORE).sum())
