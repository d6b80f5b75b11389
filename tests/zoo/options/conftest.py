"""Files and encoders with which every option of every model can make a difference."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from nlpcl.core.splits import Splits

LABELS = ("calm", "sad", "angry")
PARTS = {"train": "ab", "dev": "c", "test": "d"}
"""Speakers of each table of a folder of clips."""


@pytest.fixture(scope="module")
def places(tmp_path_factory, pairs, tiny_encoder):
    """``(input or task, name)`` → a file, folder or encoder."""
    root = tmp_path_factory.mktemp("options")
    found: dict[tuple[str, str], str] = {}
    for name in ("plain", "other", "two", "no dev", "overlap", "html"):
        write_texts(root / name, name, pairs)
        found["text", name] = str(root / name)
        found["speech", name] = str(write_clips(root / "clips" / name, name))
        found["entities", name] = str(write_spans(root / "spans" / name, root / name))
    found["entities", "columns"] = str(write_columns(root / "columns", pairs))
    found["text", "encoder"] = str(tiny_encoder("bert", 0.1))
    found["text", "other encoder"] = str(tiny_encoder("bert", 0.1, seed=1))
    found["speech", "encoder"] = "logmel"
    found["speech", "other encoder"] = found["speech", "speech"] = str(hubert(root / "hubert"))
    found["text", "pairs"] = str(root / "plain" / "train.csv")
    found["text", "unigram"] = str(unigram(root / "unigram", pairs))
    found["text", "confusions"] = str(root / "confusions")
    (root / "confusions").mkdir()
    for file in ("same_pinyin.txt", "simi_pinyin.txt", "same_stroke.txt"):
        lines = [f"{right}\t{wrong}\n" for right, wrong in zip("早天在做", "旱大再作", strict=True)]
        (root / "confusions" / file).write_text("".join(lines), encoding="utf-8")
    for task in ("correction", "masked_lm", "classification", "emotion", "entities"):
        for name, place in write_corpus(root, task, found).items():
            found[task, name] = place
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLPCL_CACHE", str(root / "cache"))
        yield found


def write_texts(folder: Path, name: str, pairs: list[tuple[str, str]]) -> None:
    """Tables with the fields of every task on texts, each in a second column too."""
    shift = 5 if name == "other" else 0
    labels = LABELS[:2] if name == "two" else LABELS
    rows = [
        {"source": wrong, "target": right, "text": right, "label": labels[at % len(labels)]}
        | {"source2": right, "target2": wrong, "text2": wrong, "label2": labels[at // 2 % 2]}
        for at, (wrong, right) in enumerate(pairs[shift : shift + 30])
    ]
    parts = {"train": rows[:14], "dev": rows[14:22], "test": rows[22:]}
    if name == "overlap":
        parts["train"] += parts["test"][:2]
    if name == "no dev":
        del parts["dev"]
    if name == "html":
        fields = ("source", "target", "text")
        parts["train"] = [r | {f: r[f] + "&amp;" for f in fields} for r in parts["train"]]
    folder.mkdir()
    for part, some in parts.items():
        write_csv(folder / f"{part}.csv", some)


def write_spans(folder: Path, tables: Path) -> Path:
    """The texts of tables with two nested entities each, as JSON lines."""
    folder.mkdir(parents=True)
    for table in tables.glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as stream:
            texts = [4 * row["text"] for row in csv.DictReader(stream)]  # several windows
        rows = [
            {
                "text": text,
                "text2": text[::-1],
                "entities": [
                    {"start": 0, "end": 3, "type": "ORG"},
                    {"start": number % 3, "end": number % 3 + 1, "type": "LOC"},
                ],
                "entities2": [{"start": number % 2, "end": number % 2 + 2, "type": "ORG"}],
            }
            for number, text in enumerate(texts)
        ]
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / f"{table.stem}.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def write_columns(folder: Path, pairs: list[tuple[str, str]]) -> Path:
    """Two columns of tokens and two of tags, a file a part."""
    folder.mkdir()
    for at, part in enumerate(("train", "dev", "test")):
        sentences = [
            "".join(
                f"{one}\t{other}\t{'B-LOC' if place == 1 else 'O'}\t{'O' if place else 'B-ORG'}\n"
                for place, (one, other) in enumerate(zip(right, wrong, strict=True))
            )
            for wrong, right in pairs[10 * at : 10 * at + 10]
        ]
        (folder / f"{part}.conll").write_text("\n".join(sentences), encoding="utf-8")
    return folder


def write_clips(folder: Path, name: str) -> Path:
    """A table of short clips of four speakers, each field in a second column too."""
    folder.mkdir(parents=True)
    generator, rows = np.random.default_rng(name == "other"), []
    for speaker, label, kind in itertools.product("abcd", LABELS, ("improvised", "scripted")):
        if (label, kind) == ("calm", "scripted"):
            continue
        files = [f"{speaker}{label}{kind}{number}.wav" for number in (1, 2)]
        for file in files:
            soundfile.write(folder / file, 0.1 * generator.standard_normal(4000), 16_000)
        fields = {"path": files[0], "label": label, "speaker": speaker}
        others = {"path2": files[1], "label2": "calm" if kind == "scripted" else label}
        others |= {"speaker2": "dcba"["abcd".index(speaker)] + kind[0]}
        more = {"session": "x" if speaker < "c" else "y", "session2": speaker}
        more |= {"gender": "f" if speaker < "c" else "m", "gender2": "m", "kind": kind}
        rows.append(fields | others | more)
    if name != "overlap":
        return write_csv(folder / "clips.csv", rows)
    parts = {part: [row for row in rows if row["speaker"] in who] for part, who in PARTS.items()}
    parts["train"] += parts["test"][:1]
    for part, some in parts.items():
        write_csv(folder / f"{part}.csv", some)
    return folder


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_corpus(root: Path, task: str, found: dict[tuple[str, str], str]) -> dict[str, str]:
    """A corpus of one's own that reads the file its root names; two roots."""
    file = root / f"{task}.py"
    kinds = {"emotion": ("speech", "clips.csv"), "entities": ("entities", "train.jsonl")}
    kind, text = kinds.get(task, ("text", "train.csv"))
    roots = {name: Path(found[kind, name]) for name in ("plain", "other")}
    if task == "emotion":
        roots = {name: path.parent for name, path in roots.items()}
    file.write_text(
        f"""
from pathlib import Path
from nlpcl import tasks
from nlpcl.core.splits import Dataset
from nlpcl.data import loading

def load(root):
    schema = tasks.spec("{task}").schema
    splits = loading._own(str(Path(root or {str(roots["plain"])!r}) / "{text}"), schema, None)
    return schema.finish(splits, None, {{}}) if "{task}" == "entities" else splits

DATASETS = (Dataset(name="corpus", task="{task}", title="", licence="", source="", load=load,
                    expected={{}}, count=len),)
""",
        encoding="utf-8",
    )
    return {"corpus": str(file), "root": str(roots["plain"]), "other root": str(roots["other"])}


def unigram(folder: Path, pairs: list[tuple[str, str]]) -> Path:
    """A tiny random encoder whose vocabulary can be cut: it has pieces of several letters."""
    from tokenizers import Tokenizer, models
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    characters = sorted({character for pair in pairs for text in pair for character in text})
    pieces = [*special, *characters, *"abc", "ab", "abc"]
    backend = Tokenizer(models.Unigram([(piece, -1.0) for piece in pieces], unk_id=3))
    names = ("bos", "pad", "eos", "unk", "mask", "cls", "sep")
    tokens = dict(zip((f"{name}_token" for name in names), [*special, "<s>", "</s>"], strict=True))
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=backend, **tokens)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(7)
    config = BertConfig(vocab_size=len(pieces), intermediate_size=16, pad_token_id=1, **sizes)
    BertForMaskedLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def hubert(folder: Path) -> Path:
    """A tiny random speech encoder."""
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "num_feat_extract_layers": 2,
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    convolutions = {"conv_dim": (8, 8), "conv_kernel": (20, 16), "conv_stride": (20, 16)}
    torch.manual_seed(7)
    HubertModel(HubertConfig(**sizes, **convolutions)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def stages() -> Callable[..., Iterator[Any]]:
    """:func:`computed`."""
    return computed


def digest(value: Any) -> Any:
    """A value that compares equal bit for bit."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.detach().float().numpy().tobytes()
    if isinstance(value, dict):
        return {key: digest(some) for key, some in value.items()}
    return [digest(some) for some in value] if isinstance(value, list | tuple) else value


def computed(config: Any, folder: Any, last: str) -> Iterator[Any]:
    """What a training computes: rows, batches, gradients, scores; and the report, or weights."""
    from nlpcl.nn.devices import DTYPES, choose_machine
    from nlpcl.runs.build import build
    from nlpcl.runs.evaluation import evaluate
    from nlpcl.runs.fit import entry_of
    from nlpcl.training.batches import LengthBatches
    from nlpcl.training.inference import length

    machine = choose_machine(config.device, config.precision)
    splits = first_splits(config.check())
    yield splits.train, splits.dev, splits.test
    model, task, rows = build(entry_of(config), config, splits, machine)
    yield digest(model.state_dict())
    order = LengthBatches(
        [length(row) for row in rows], config.batch_size, config.grad_accumulation, config.seed
    )
    batches = list(order)
    yield batches
    batch = task.collate_training([rows[at] for at in batches[0]])
    yield digest(batch)
    groups = model.parameter_groups(config) or []
    yield [(group["lr"], len(group["params"])) for group in groups]
    model.train()
    model.set_progress(0.5)
    torch.manual_seed(0)
    dtype = DTYPES.get(machine.precision)
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        output = model(**batch)
    output.loss.backward()
    yield digest(output.loss), digest({n: part.total for n, part in output.parts.items()})
    yield {name: digest(weight.grad) for name, weight in model.named_parameters()}
    dev_rows = task.encode(splits.dev)
    task.after_training(model, dev_rows, machine.precision)
    yield task.dev_scores(model, dev_rows, machine.precision)
    if last == "report":
        yield evaluate(model, task, splits, machine.precision)[0].metrics
    if last == "weights":
        yield trained(model, task, rows, config, folder, machine.precision)


def first_splits(config: Any) -> Splits:
    """The rows of a configuration; of several folds those of the first."""
    from nlpcl.runs.rows import load_splits, load_unsplit, study_folds

    if not config.folds:
        return load_splits(config)
    clips = load_unsplit(config)
    fold = study_folds(clips.train, config)[0]
    test = {clips.name: list(fold.test)}
    return Splits(clips.name, train=list(fold.train), dev=list(fold.dev), test=test)


def trained(model: Any, task: Any, rows: Any, config: Any, folder: Any, precision: str) -> Any:
    """Weights and history after training."""
    from nlpcl.core.progress import Silent
    from nlpcl.training.trainer import train

    scores = iter(range(100, 0, -1))  # ever worse, so that patience ends
    training = train(
        model,
        rows[:6],
        task.collate_training,
        lambda _: {"selection": float(next(scores))},
        config,
        folder,
        precision=precision,
        display=Silent(),
    )
    return digest(model.state_dict()), training.history
