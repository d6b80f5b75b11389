"""Train the built-in text encoder in a given time, from ``tools.prepare_text_encoder``'s folder.

python tools/train_text_encoder.py FOLDER --out OUT --minutes 8 [--workers 12] [--resume OUT]

Two stages share the time. The first teaches the language: many characters masked or replaced. The
second, after ``--turn`` of the time, teaches correction: few errors, or none, as people make them.
The learning rate falls with the clock, so that training ends well wherever the time ends. Weights
come in half precision, in parts of at most 15 MB, every two minutes and at the end.
"""

from __future__ import annotations

import argparse
import itertools
import json
import lzma
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from text_batches import Corpus, Noised, Special, han_ids, load_tables
from text_scores import Scores
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer

from nlpcl.nn.int8 import CHECKSUMS, load_compressed
from nlpcl.text import pruning
from nlpcl.text.encoders import CharacterIds
from nlpcl.text.noise.noise import MASK, RANDOM, WORD, Noise

BEGUN = time.time()
PART = 15 << 20
KINDS = {
    WORD: 0.40,
    "pinyin": 0.22,
    "observed": 0.12,
    "near_pinyin": 0.12,
    "shape": 0.10,
    RANDOM: 0.04,
}
"""Of the errors, by kind."""


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="until training ends")
    parser.add_argument("--since", type=float, default=BEGUN, help="of this time, as of date +%%s")
    parser.add_argument("--resume", type=Path, help="weights and progress.json to go on from")
    parser.add_argument("--until", type=float, default=1.0, help="progress at the end of the time")
    parser.add_argument("--turn", type=float, default=0.7, help="progress at the second stage")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--tokens", type=int, default=24576, help="in a batch")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=500, help="updates")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--mask", type=float, default=0.18, help="masked in heavy rows")
    parser.add_argument("--errors", type=float, default=0.06, help="replaced in heavy rows")
    parser.add_argument("--light", type=float, nargs=2, default=(0.5, 0.85), help="by stage")
    parser.add_argument("--light-errors", type=float, default=1.3, help="mean in a light row")
    parser.add_argument("--light-mask", type=float, default=0.06)
    parser.add_argument("--copied", type=float, default=0.15)
    parser.add_argument("--copy-weight", type=float, default=1.0)
    parser.add_argument("--mix", default="everyday=3,posts=2")
    parser.add_argument("--pairs", type=float, nargs=2, default=(1.0, 4.0), help="typos, by stage")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dev-rows", type=int, default=1000, help="scored of each kind, at most")
    parser.add_argument("--no-weights", action="store_true", help="for trials")
    return parser.parse_args()


def noise_of(chosen: argparse.Namespace, stage: int, mask: int, han: np.ndarray) -> Noise:
    """The noise of a stage."""
    probability = chosen.mask + chosen.errors
    fractions = {MASK: chosen.mask / probability}
    for kind, fraction in KINDS.items():
        fractions[kind] = fraction * chosen.errors / probability
    return Noise(
        fractions,
        mask,
        han,
        probability,
        chosen.light[stage],
        chosen.light_errors,
        chosen.light_mask,
    )


def opened(chosen: argparse.Namespace) -> Any:
    """The model, from the beginning or from saved parts."""
    config = AutoConfig.from_pretrained(chosen.folder, trust_remote_code=False)
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = chosen.dropout
    torch.manual_seed(chosen.seed)
    model = AutoModelForMaskedLM.from_config(config, trust_remote_code=False)
    if chosen.resume and (parts := sorted(chosen.resume.glob("part-*.safetensors"))):
        state = {name: value for part in parts for name, value in load_file(part).items()}
        pruning.keep_layers(model, chosen.layers)
    else:
        state = begun_with(chosen.resume or chosen.folder)
    missing, unknown = model.load_state_dict(
        {name: value.float() for name, value in state.items()}, strict=False
    )
    assert not unknown and set(missing) <= set(model.all_tied_weights_keys), (missing, unknown)
    model.tie_weights()
    if not chosen.resume:  # a fresh head: scores of a normal size, whatever the embeddings' norm
        norm = model.get_input_embeddings().weight.norm(dim=1).mean()
        model.cls.predictions.transform.LayerNorm.weight.data.fill_(1 / norm.item())
    if chosen.layers < len(pruning.blocks(model)):
        pruning.keep_layers(model, chosen.layers)
    return model


def begun_with(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a folder, which may have travelled compressed."""
    packed = folder / "weights.safetensors.xz"
    if not packed.exists():
        return load_compressed(folder / "weights.safetensors")
    with tempfile.TemporaryDirectory() as place:
        shutil.copy(folder / CHECKSUMS, place)
        path = Path(place) / packed.stem
        with lzma.open(packed) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        return load_compressed(path)


def save(model: Any, progress: dict[str, Any], folder: Path) -> None:
    """Weights in half precision, in parts; a reader finds old parts or new ones, never half."""
    tied = set(model.all_tied_weights_keys)
    parts: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, value in model.state_dict().items():
        if name in tied:
            continue
        half = value.detach().half().cpu().contiguous()
        if size + half.nbytes > PART and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name] = half
        size += half.nbytes
    for number, part in enumerate(parts):
        temporary = folder / "unfinished"
        save_file(part, temporary)
        temporary.replace(folder / f"part-{number}.safetensors")
    (folder / "progress.json").write_text(json.dumps(progress, indent=1), encoding="utf-8")


def loss_of(model: Any, batch: dict[str, torch.Tensor], copy: float) -> torch.Tensor:
    """The sum of cross-entropies, that of kept places weighted, by the number of the changed."""
    hidden = model.bert(batch["input_ids"], batch["attention_mask"])[0]
    scores = model.cls(hidden.flatten(0, 1)[batch["places"]])
    losses = functional.cross_entropy(scores.float(), batch["labels"], reduction="none")
    kept = batch["kinds"] == 2
    weights = torch.where(kept, copy, 1.0)
    return (losses * weights).sum() / ((~kept).sum() + 0.1 * copy * kept.sum() + 1)


class Trainer:
    """The loop; all that it writes goes to ``log.jsonl``."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self.chosen = chosen
        chosen.out.mkdir(parents=True, exist_ok=True)
        self.log_file = (chosen.out / "log.jsonl").open("a", encoding="utf-8")
        self.start, self.step = 0.0, 0
        if chosen.resume:
            saved = json.loads((chosen.resume / "progress.json").read_text(encoding="utf-8"))
            self.start, self.step = saved["progress"], saved["step"]
        tokenizer = AutoTokenizer.from_pretrained(chosen.folder, trust_remote_code=False)
        ids = CharacterIds(tokenizer)
        corpus = Corpus.read(chosen.folder, "train")
        dev = Corpus.read(chosen.folder, "dev")
        self.log(event="read", rows=len(corpus.groups), tokens=len(corpus.right))
        tables, han = load_tables(chosen.folder / "tables.npz"), han_ids(ids)
        self.log(event="tables", words=[len(part.word_keys) for part in tables])
        special = Special(ids.start, ids.end, ids.pad)
        weights = {k: float(v) for k, v in (part.split("=") for part in chosen.mix.split(","))}
        self.batches: list[Iterator[dict[str, torch.Tensor]]] = []
        for stage in (0, 1):
            noise = noise_of(chosen, stage, tokenizer.mask_token_id, han)
            mix = weights | {"typos": chosen.pairs[stage], "pairs": chosen.pairs[stage] / 2}
            source = Noised(
                corpus, tables, noise, special, mix, chosen.tokens, chosen.copied,
                chosen.seed + 1000 * stage,
            )  # fmt: skip
            # Workers begin before the GPU is touched, so that they may be forked.
            loader = DataLoader(
                source,
                batch_size=None,
                sampler=itertools.count(self.step),  # type: ignore[arg-type]
                num_workers=chosen.workers,
                prefetch_factor=8 if chosen.workers else None,
            )
            self.batches.append(iter(loader))
        cuda = torch.cuda.is_available()
        self.device = torch.device("cuda" if cuda else "cpu")
        self.scores = Scores(dev, tables, noise, special, han, self.device, chosen.dev_rows)
        self.model = opened(chosen).to(self.device)
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": chosen.weight_decay},
                  {"params": others, "weight_decay": 0.0}]  # fmt: skip
        self.optimizer = torch.optim.AdamW(
            groups, lr=chosen.lr, betas=(0.9, 0.98), eps=1e-6, fused=cuda
        )
        self.log(event="ready", device=torch.cuda.get_device_name() if cuda else "cpu")

    def log(self, **values: Any) -> None:
        """One line for the eye and for the file."""
        line = json.dumps({"seconds": round(time.time() - self.chosen.since, 1), **values})
        print(line, file=sys.stderr, flush=True)
        self.log_file.write(line + "\n")
        self.log_file.flush()

    def progress(self, begun: float) -> float:
        """How far training has come, from 0 to 1, by the clock."""
        time_left = self.chosen.since + 60 * self.chosen.minutes - begun
        gone = (time.time() - begun) / max(time_left, 1.0)
        return min(self.start + (self.chosen.until - self.start) * gone, self.chosen.until)

    def train(self) -> None:
        """Train until the time is over, then score and save."""
        chosen, begun = self.chosen, time.time()
        saved = shown = begun
        first, tokens, waited, losses = self.step, 0, 0.0, []
        while (progress := self.progress(begun)) < chosen.until:
            before = time.time()
            batch = next(self.batches[progress >= chosen.turn])
            waited += time.time() - before
            tokens += int(batch.pop("tokens"))
            losses.append(self.update(batch, progress, self.step - first))
            self.step += 1
            now = time.time()
            if now - shown > 15:
                loss = float(torch.stack(losses).mean())
                self.log(step=self.step, progress=round(progress, 4), loss=round(loss, 4),
                         tokens_per_second=int(tokens / (now - shown)),
                         waiting=round(waited / (now - shown), 3))  # fmt: skip
                shown, tokens, waited, losses = now, 0, 0.0, []
                if now - saved > 110:
                    self.finish(progress)
                    saved = time.time()
                    shown = saved
        self.finish(chosen.until)

    def update(self, batch: dict[str, torch.Tensor], progress: float, done: int) -> torch.Tensor:
        """One update; the loss stays on the device."""
        chosen = self.chosen
        rate = chosen.lr * min(1.0, (done + 1) / chosen.warmup) * max(1.0 - progress, 0.01)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        batch = {k: v.to(self.device, non_blocking=True) for k, v in batch.items()}
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss = loss_of(self.model, batch, chosen.copy_weight / chosen.copied)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.detach()

    def finish(self, progress: float) -> None:
        """Save, then score what was held out."""
        record: dict[str, Any] = {"step": self.step, "progress": progress}
        record["options"] = {k: str(v) for k, v in vars(self.chosen).items()}
        if not self.chosen.no_weights:
            save(self.model, record, self.chosen.out)
        self.log(
            event="scores", step=self.step, progress=round(progress, 4), **self.scores(self.model)
        )


if __name__ == "__main__":
    torch.backends.cuda.matmul.allow_tf32 = True
    Trainer(options()).train()
