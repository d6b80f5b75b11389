"""Encoders by name: ``builtin``, ``scratch``, a local Hugging Face folder, or a hub id."""

from __future__ import annotations

import contextlib
import logging
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    PreTrainedModel,
)

from nlpcl.core import hub
from nlpcl.core.errors import UserError, first_line
from nlpcl.nn.int8 import load_compressed
from nlpcl.text import BUILTIN_FOLDER, BUILTIN_WEIGHTS

BUILTIN = "builtin"
SCRATCH = "scratch"
LOADING_LOGGER = "transformers.modeling_utils"
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def character_vocabulary() -> list[str]:
    """The vocabulary of the encoder ``scratch``, in a fixed order.

    Printable ASCII, CJK punctuation and full-width forms, the 6763 Han characters of GB 2312
    (simplified) and the 5401 of Big5's first level (common traditional).
    """

    def decoded(codec: str, rows: range, columns: range) -> list[str]:
        pairs = (bytes((row, column)) for row in rows for column in columns)
        return [text for pair in pairs if (text := pair.decode(codec, errors="ignore"))]

    ascii_characters = [chr(code) for code in range(0x21, 0x7F)]
    punctuation = list("“”‘’—…·～、。〈〉《》「」『』【】〔〕！（），．：；？％￥")
    simplified = decoded("gb2312", range(0xB0, 0xF8), range(0xA1, 0xFF))
    traditional = decoded("big5", range(0xA4, 0xC7), range(0x40, 0xFF))
    characters = [*ascii_characters, *punctuation, *simplified, *traditional]
    return list(dict.fromkeys(c for c in characters if len(c) == 1))


def scratch_tokenizer() -> Any:
    """A BERT tokenizer over single characters."""
    tokens = [*SPECIAL_TOKENS, *character_vocabulary()]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return BertTokenizer(vocab=vocabulary, do_lower_case=False, strip_accents=False)


def scratch_masked_lm(tokenizer: Any) -> PreTrainedModel:
    """A small BERT (4 layers, hidden size 256) with weights drawn from torch's generator."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        pad_token_id=tokenizer.pad_token_id,
    )
    return BertForMaskedLM(config)


def has_builtin() -> bool:
    """Whether the built-in encoder is part of this installation."""
    return (BUILTIN_FOLDER / BUILTIN_WEIGHTS).is_file()


def load_builtin(folder: Path = BUILTIN_FOLDER) -> tuple[PreTrainedModel, Any]:
    """The built-in encoder as a masked language model in fp32, and its tokenizer.

    Raises:
        UserError: a file is damaged, missing or of another version.
    """
    state: dict[str, torch.Tensor] = load_compressed(folder / BUILTIN_WEIGHTS)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    model, report = BertForMaskedLM.from_pretrained(
        None,  # type: ignore[arg-type]
        config=config,
        state_dict=state,
        output_loading_info=True,
        trust_remote_code=False,
    )
    if report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]:
        raise UserError(
            "does not fit config.json",
            folder / BUILTIN_WEIGHTS,
            "Reinstall: pip install --force-reinstall nlpcl",
        )
    return model, AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def load_text_encoder(
    name: str, auto_class: type[Any], *, seed: int = 0
) -> tuple[PreTrainedModel, Any]:
    """Load an encoder in fp32, with its tokenizer.

    Args:
        name: ``builtin``, ``scratch``, a folder saved by transformers, or a hub id.
        auto_class: the transformers class that loads it, such as ``AutoModelForMaskedLM``.
        seed: seed for weights that the checkpoint lacks.

    Raises:
        UserError: no such encoder, a damaged folder, no network, no fast tokenizer, no mask token.
    """
    torch.manual_seed(seed)
    if name == BUILTIN and has_builtin():
        return load_builtin()
    if name in (BUILTIN, SCRATCH):
        tokenizer = scratch_tokenizer()
        return scratch_masked_lm(tokenizer), tokenizer
    folder = Path(name).expanduser()
    if not folder.is_dir() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise UserError(
            "no such folder", f"--backbone {name}", "Give a local folder, a hub id or builtin."
        )
    if not folder.is_dir():
        how = "Check the name; without a network give a local folder, or --backbone builtin."
        hub.require(name, f"--backbone {name}", kind="models", how=how)
    source = str(folder) if folder.is_dir() else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        model = auto_class.from_pretrained(source, dtype=torch.float32, trust_remote_code=False)
    except UserError:
        raise
    except Exception as error:
        hub.refuse_code(error, f"--backbone {name}")
        raise loading_error(name, folder.is_dir(), error) from error
    check_tokenizer(name, tokenizer)
    rows = model.get_input_embeddings().num_embeddings
    highest = max(tokenizer.get_vocab().values())
    if len(tokenizer) <= len(tokenizer.all_special_ids) or highest >= rows:
        raise UserError(
            f"its tokenizer has a vocabulary of {len(tokenizer)} for a model of {rows}",
            f"--backbone {name}",
            "The folder needs the model's own tokenizer, as saved by save_pretrained.",
        )
    return model, tokenizer


def loading_error(name: str, local: bool, error: Exception) -> UserError:
    """A one-line error for the many ways in which transformers fails to load an encoder."""
    reason = first_line(error)
    if local:
        return UserError(
            f"cannot be loaded ({reason})",
            f"--backbone {name}",
            "The folder needs config.json, a tokenizer and whole weights (model.safetensors), "
            "as saved by save_pretrained; or use --backbone builtin.",
        )
    return UserError(
        f"cannot be fetched from the model hub ({reason})",
        f"--backbone {name}",
        "Without a network give a local folder, or use --backbone builtin.",
    )


def check_tokenizer(name: str, tokenizer: Any) -> None:
    """Refuse a tokenizer without offsets or without a mask token."""
    where = f"--backbone {name}"
    if not getattr(tokenizer, "is_fast", False):
        raise UserError(
            "its tokenizer is not a fast one (no tokenizer.json)",
            where,
            "Save it again with AutoTokenizer(..., use_fast=True).save_pretrained(FOLDER).",
        )
    if tokenizer.mask_token_id is None:
        raise UserError(
            "its tokenizer has no mask token, so this is no masked language model",
            where,
            "Use an encoder such as BERT, MacBERT or RoBERTa, or builtin.",
        )


def encoder_alone(model: PreTrainedModel) -> PreTrainedModel:
    """The encoder of a loaded model, without a pooler or head, which would never be trained."""
    encoder: Any = model.base_model
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


class _MissingWeights(logging.Filter):
    """Drops load reports in which no weight is missing but those of a pooler."""

    def filter(self, record: logging.LogRecord) -> bool:
        report = record.getMessage()
        rows = [line.split("|") for line in report.splitlines() if line.count("|") >= 2]
        missing = [row[0] for row in rows if "UNEXPECTED" not in row[1] and "Status" not in row[1]]
        return "LOAD REPORT" not in report or any("pooler" not in name for name in missing)


@contextlib.contextmanager
def for_states_alone() -> Iterator[None]:
    """Silence load reports on heads and poolers while an encoder is loaded for its states.

    Most checkpoints have a head, which is not needed, and the pooler is dropped anyway. Missing
    weights of the encoder itself are still reported.
    """
    chosen = _MissingWeights()
    logger = logging.getLogger(LOADING_LOGGER)
    logger.addFilter(chosen)
    try:
        yield
    finally:
        logger.removeFilter(chosen)


class CharacterIds:
    """Maps each character to one vocabulary id, whatever the tokenizer would join or split.

    A character that the vocabulary lacks is looked up in lower case, in its NFKC form and as its
    ASCII counterpart (curly quotes, dashes), and else becomes the unknown token.
    """

    COUNTERPARTS = str.maketrans("“”‘’—–…·～「」『』", "\"\"''--.-~\"\"''")

    def __init__(self, tokenizer: Any) -> None:
        self.vocabulary: dict[str, int] = tokenizer.get_vocab()
        self.unknown = int(first_known(tokenizer.unk_token_id))
        self.start = int(first_known(tokenizer.cls_token_id, tokenizer.bos_token_id))
        self.end = int(first_known(tokenizer.sep_token_id, tokenizer.eos_token_id))
        self.pad = int(first_known(tokenizer.pad_token_id, 0))
        self.characters = {
            index: token for token, index in self.vocabulary.items() if len(token) == 1
        }
        self._cache: dict[str, int] = {}

    def __call__(self, character: str) -> int:
        """The id of one code point."""
        found = self._cache.get(character)
        if found is None:
            found = self._cache[character] = self._look_up(character)
        return found

    def _look_up(self, character: str) -> int:
        plain = character.translate(self.COUNTERPARTS)
        for form in (character, character.lower(), unicodedata.normalize("NFKC", character), plain):
            if len(form) == 1 and form in self.vocabulary:
                return self.vocabulary[form]
        return self.unknown


def input_limit(encoder: Any, max_length: int) -> int:
    """Maximum input length in tokens: ``max_length``, or fewer if the encoder has fewer positions.

    Args:
        encoder: the encoder's configuration; None if a model has no encoder.
        max_length: as configured, special tokens included.
    """
    if encoder is None:
        return max_length
    positions = getattr(encoder, "max_position_embeddings", max_length)
    # RoBERTa counts positions from the padding id on.
    spare = 2 if "roberta" in encoder.model_type else 0
    return min(max_length, positions - spare)


def first_known(*values: int | None) -> int:
    """The first value that is not None."""
    for value in values:
        if value is not None:
            return value
    raise UserError(
        "its tokenizer has no unknown, start or end token", "--backbone", "Use a BERT-like encoder."
    )
