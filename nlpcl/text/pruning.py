"""Pruning of an encoder before it is trained further: fewer layers, fewer vocabulary pieces."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from nlpcl.core.errors import UserError
from nlpcl.text.characters import is_han


def blocks(model: PreTrainedModel) -> nn.ModuleList:
    """The layers of a BERT-like encoder.

    Raises:
        UserError: it is not built like BERT.
    """
    found = getattr(getattr(model.base_model, "encoder", None), "layer", None)
    if not isinstance(found, nn.ModuleList):
        kind = model.config.model_type
        raise UserError(
            f"layers of a {kind} encoder cannot be cut", "--layers", "Use one built like BERT."
        )
    return found


def keep_layers(model: PreTrainedModel, layers: int, *, spread: bool = False) -> None:
    """Keep some layers of a BERT-like encoder, in place.

    Args:
        model: the encoder.
        layers: number of layers to keep.
        spread: keep layer ``round(l T / layers)`` of ``T`` for each ``l``, which includes the last
            one, instead of the first ones.

    Raises:
        UserError: the encoder has fewer layers, or is not built like BERT.
    """
    found = blocks(model)
    if layers > len(found):
        raise UserError(f"the encoder has {len(found)} layers", f"--layers {layers}", "Keep fewer.")
    chosen = [round((at + 1) * len(found) / layers) - 1 if spread else at for at in range(layers)]
    encoder: Any = model.base_model.encoder
    encoder.layer = nn.ModuleList([found[index] for index in chosen])
    model.config.num_hidden_layers = layers


def keep_pieces(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, pieces: int
) -> PreTrainedTokenizerFast:
    """Prune a Unigram vocabulary to single characters and the best longer pieces without Han.

    Longer pieces with Han characters are removed, so Chinese is read character by character. The
    rows of the word embeddings (and of a tied output layer) are removed with them.

    Args:
        model: the encoder, whose embeddings are pruned in place.
        tokenizer: a fast tokenizer with a Unigram model.
        pieces: number of multi-character pieces to keep.

    Returns:
        The tokenizer with the smaller vocabulary; ids are renumbered, their order stays.

    Raises:
        UserError: the tokenizer has no Unigram model.
    """
    description = json.loads(tokenizer.backend_tokenizer.to_str())
    if description["model"]["type"] != "Unigram":
        raise UserError(
            f"a {description['model']['type']} vocabulary cannot be cut",
            "--pieces",
            "Leave it out, or start from a SentencePiece Unigram encoder.",
        )
    vocabulary: list[list[Any]] = description["model"]["vocab"]
    special = {token["content"] for token in description["added_tokens"]}
    longer = [
        (score, index)
        for index, (piece, score) in enumerate(vocabulary)
        if piece not in special and len(piece) > 1 and not any(map(is_han, piece))
    ]
    best = {index for _, index in sorted(longer, reverse=True)[:pieces]}
    kept = [
        index
        for index, (piece, _) in enumerate(vocabulary)
        if piece in special or len(piece) == 1 or index in best
    ]
    renumbered = {old: new for new, old in enumerate(kept)}
    description["model"]["vocab"] = [vocabulary[index] for index in kept]
    description["model"]["unk_id"] = renumbered[description["model"]["unk_id"]]
    for token in description["added_tokens"]:
        token["id"] = renumbered[token["id"]]
    for token in description["post_processor"].get("special_tokens", {}).values():
        token["ids"] = [renumbered[index] for index in token["ids"]]
    keep_rows(model, kept)
    return rebuilt(tokenizer, description)


def keep_rows(model: PreTrainedModel, rows: list[int]) -> None:
    """Keep some rows of the word embeddings and of the output layer, in place."""
    old: Any = model.get_input_embeddings()
    output: Any = model.get_output_embeddings()
    bias = None if output is None or output.bias is None else output.bias.data[rows].clone()
    weights = old.weight.data[rows].clone()
    model.resize_token_embeddings(len(rows))
    embeddings: Any = model.get_input_embeddings()
    embeddings.weight.data.copy_(weights)
    padding = model.config.pad_token_id
    if padding is not None:
        embeddings.padding_idx = model.config.pad_token_id = rows.index(padding)
    head: Any = model.get_output_embeddings()
    if bias is not None:
        with torch.no_grad():
            head.bias.copy_(bias)
    model.tie_weights()


def rebuilt(
    tokenizer: PreTrainedTokenizerFast, description: dict[str, Any]
) -> PreTrainedTokenizerFast:
    """A copy of a tokenizer around the fast tokenizer that ``description`` (its JSON) defines."""
    from tokenizers import Tokenizer

    roles = {
        role: token
        for role, token in tokenizer.special_tokens_map.items()
        if isinstance(token, str)
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(copy.deepcopy(description))),
        model_max_length=tokenizer.model_max_length,
        **roles,
    )


def add_characters(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, characters: Sequence[str]
) -> PreTrainedTokenizerFast:
    """Add Han characters to a Unigram vocabulary; each begins as the mean of those it has.

    Args:
        model: the encoder, whose embeddings and output layer grow in place.
        tokenizer: a fast tokenizer with a Unigram model.
        characters: what is added, none of it in the vocabulary.

    Returns:
        The tokenizer with the larger vocabulary; the ids that were there stay.
    """
    description = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary: list[list[Any]] = description["model"]["vocab"]
    han = [(index, score) for index, (piece, score) in enumerate(vocabulary) if is_han(piece)]
    vocabulary += [[character, min(score for _, score in han)] for character in characters]
    embeddings: Any = model.get_input_embeddings()
    mean = embeddings.weight.data[[index for index, _ in han]].mean(0)
    before = embeddings.num_embeddings
    model.resize_token_embeddings(len(vocabulary), mean_resizing=False)
    grown: Any = model.get_input_embeddings()
    grown.weight.data[before:] = mean
    return rebuilt(tokenizer, description)
