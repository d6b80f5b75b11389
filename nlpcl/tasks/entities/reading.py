"""Texts as windows of tokens, and what was found in windows as characters of the texts.

Legend: ``B`` batch, ``L`` tokens, ``G`` entities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example
from nlpcl.metrics.spans import Span, row_spans
from nlpcl.tasks.entities.decoding import Candidate, Placed
from nlpcl.tasks.entities.windows import first_tokens, owner
from nlpcl.text.encoders import first_known
from nlpcl.text.offsets import OffsetReader, Offsets
from nlpcl.training.inference import Feature


class WindowReader:
    """Reads texts in windows that overlap.

    Args:
        tokenizer: of the model.
        size: tokens of a window, without the special ones around them.
        overlap: tokens that neighbouring windows share at least; half of the size at most.
    """

    def __init__(self, tokenizer: Any, size: int, overlap: int) -> None:
        self.size, self.overlap = size, min(overlap, size // 2)
        self.read = OffsetReader(tokenizer)
        self.start = first_known(tokenizer.cls_token_id, tokenizer.bos_token_id)
        self.end = first_known(tokenizer.sep_token_id, tokenizer.eos_token_id)
        self.pad = first_known(tokenizer.pad_token_id, 0)

    def unexpressed(self, examples: Sequence[Example]) -> list[tuple[str, Span]]:
        """Gold spans that no prediction can equal, each with its text.

        They begin or end within a token, or lie in no window.
        """
        found: list[tuple[str, Span]] = []
        texts = [example["text"] for example in examples]
        for example, offsets in zip(examples, self.read(texts), strict=True):
            windows = first_tokens(len(offsets.ids), self.size, self.overlap)
            for span in sorted(row_spans(example["entities"])):
                place = offsets.tokens_of(*span[:2])
                if place is None or owner(*place, windows, self.size) is None:
                    found.append((example["text"], span))
        return found

    def features(
        self, examples: Sequence[Example], numbers: Mapping[str, int]
    ) -> Iterator[Feature]:
        """A feature a window; rows with entities have the cells of those that lie in it.

        Args:
            examples: rows.
            numbers: name of a type → its number; entities of others are left out.
        """
        read = self.read([example["text"] for example in examples])
        for row, (example, offsets) in enumerate(zip(examples, read, strict=True)):
            gold = example.get("entities")
            known = [
                (numbers[one["type"]], *place)
                for one in gold or ()
                if one["type"] in numbers
                and (place := offsets.tokens_of(one["start"], one["end"])) is not None
            ]
            for feature in self.windows(offsets, row):
                if gold is not None:
                    first = feature["first"]
                    last = first + len(feature["spans"]) - 1
                    feature["labels"] = [
                        (number, begin - first + 1, end - first + 1)
                        for number, begin, end in known
                        if begin >= first and end <= last
                    ]
                    feature["example"] = example
                yield feature

    def windows(self, offsets: Offsets, row: int) -> Iterator[Feature]:
        """The windows of a text, each between special tokens; one where there is no token."""
        begins = first_tokens(len(offsets.ids), self.size, self.overlap)
        for number, first in enumerate(begins):
            here = slice(first, first + self.size)
            yield {
                "row": row,
                "input_ids": [self.start, *offsets.ids[here], self.end],
                "starts": [False, *offsets.starts[here], False],
                "ends": [False, *offsets.ends[here], False],
                "spans": offsets.spans[here],
                "first": first,
                "number": number,
                "windows": begins,
            }

    def refuse_long(self, features: Sequence[Feature], before: int) -> None:
        """Refuse the first text that needs several windows.

        Args:
            features: the windows of texts.
            before: texts before the first of them.

        Raises:
            UserError: there is one.
        """
        for feature in features:
            begins = feature["windows"]
            if len(begins) > 1 and feature["number"] == len(begins) - 1:
                tokens = feature["first"] + len(feature["spans"])
                number = before + feature["row"] + 1
                raise UserError(
                    f"text {number} has {tokens} tokens, and the model reads {self.size}",
                    "--on-long error",
                    "Split it, or leave the flag out: it is then read in windows.",
                )

    def packed(self, features: Sequence[Feature]) -> list[Feature]:
        """Windows with ``labels``, read together with those before them where both fit one."""
        made: list[Feature] = []
        for feature in features:
            before = len(made[-1]["input_ids"]) - 2 if made else self.size
            if before + len(feature["input_ids"]) - 2 > self.size:
                made.append(feature)
                continue
            last = made[-1]
            moved = [(kind, begin + before, end + before) for kind, begin, end in feature["labels"]]
            lists = {
                name: [*last[name][:-1], *feature[name][1:]]
                for name in ("input_ids", "starts", "ends")
            }
            made[-1] = {**last, **lists, "labels": [*last["labels"], *moved]}
        return made

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Padded ids and masks ``(B, L)``; entities ``(B, G, 3)`` where features have them."""
        lengths = [len(feature["input_ids"]) for feature in features]
        width = max(lengths)

        def padded(name: str, fill: Any) -> Tensor:
            return torch.tensor([row[name] + [fill] * (width - len(row[name])) for row in features])

        mask = torch.arange(width) < torch.tensor(lengths).unsqueeze(1)
        batch = {
            "input_ids": padded("input_ids", self.pad),
            "attention_mask": mask.long(),
            "starts": padded("starts", False),
            "ends": padded("ends", False),
        }
        if all("labels" in feature for feature in features):
            most = max(len(feature["labels"]) for feature in features)
            batch["labels"] = torch.full((len(features), most, 3), -1)
            for at, feature in enumerate(features):
                if feature["labels"]:
                    batch["labels"][at, : len(feature["labels"])] = torch.tensor(feature["labels"])
        return batch

    def joined(
        self, features: Sequence[Feature], found: Sequence[Sequence[Candidate]], rows: int
    ) -> list[list[Placed]]:
        """The candidates of each text with their characters; of windows, each from its owner.

        Args:
            features: windows.
            found: candidates of each.
            rows: number of texts.
        """
        texts: list[list[Placed]] = [[] for _ in range(rows)]
        for feature, listed in zip(features, found, strict=True):
            spans, windows = feature["spans"], feature["windows"]
            for one in listed:
                first, last = (feature["first"] + place - 1 for place in (one.first, one.last))
                if len(windows) == 1 or (
                    owner(first, last, windows, self.size) == feature["number"]
                ):
                    place = spans[one.first - 1][0], spans[one.last - 1][1]
                    texts[feature["row"]].append((*place, one))
        return texts
