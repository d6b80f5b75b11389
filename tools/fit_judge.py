"""Fit the judge of the built-in corrector, and tell how well its probabilities hold.

python tools/fit_judge.py --data-root DIR

On text that the encoder was not trained on: corrections of the five repositories of ``typos`` that
were left out, and lines of free prose held out by ``tools/prepare_text_encoder.py``, with errors
made by the noise of the training. Each sentence is there with and without its errors, so that one
in two holds any. Figures are of five-fold cross-validation, a repository a fold. It takes about 20
minutes on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from prepare_text_encoder import GROUPS, HELD_OUT, digest
from text_batches import han_ids, scripts
from torch import Tensor

from nlpcl import tasks
from nlpcl.core.files import write_json
from nlpcl.core.json_files import read_json
from nlpcl.core.splits import Example
from nlpcl.data import corpora
from nlpcl.data.typos import DEV_REPOSITORIES
from nlpcl.data.zh_text import SUFFIX, read_packed
from nlpcl.metrics.calibration import confidence_bins
from nlpcl.nn.devices import choose_machine
from nlpcl.nn.int8 import CHECKSUMS
from nlpcl.runs.opening import open_builtin
from nlpcl.runs.predictor import Predictor
from nlpcl.tasks.correction.fitting import fit_weights
from nlpcl.tasks.correction.judge import CANDIDATES, FEATURES, FILE, REACH, Judge
from nlpcl.text import BUILTIN_FOLDER, BUILTIN_WEIGHTS
from nlpcl.text.characters import is_han
from nlpcl.text.noise.confusions import read_confusions
from nlpcl.text.noise.noise import RANDOM, WORD, Noise
from nlpcl.text.noise.sounds import read_readings
from nlpcl.text.noise.tables import ErrorTables, build_tables, observed_edits
from nlpcl.training.inference import batches_by_length, length

FOLDS = len(DEV_REPOSITORIES)
WEIGHTS = {"typos": 2.0, "everyday": 0.5, "technical": 0.5}
"""Weight of a place, by set: the real errors are few."""
ERRORS = 1.3
"""Places of a noised sentence that are selected for an error, on average."""
KINDS = {WORD: 0.5, "pinyin": 0.25, "near_pinyin": 0.15, "shape": 0.07, RANDOM: 0.03}
USED = 0.15
"""Fraction of the technical lines that the noise's frequencies are counted in."""
LONGEST, SHORTEST = 126, 4
THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def held_out(root: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Lines of simplified text that the encoder has not seen, by group, and lines that it has."""
    held: dict[str, list[str]] = {"everyday": [], "technical": []}
    seen: list[str] = []
    for path in sorted((root / "zh_text").glob(f"*{SUFFIX}")):
        group = GROUPS.get(path.name.removesuffix(SUFFIX), "technical")
        if group not in held:
            continue
        for line in read_packed(path):
            number, han = digest(line), [c for c in line if is_han(c)]
            if group == "everyday" and not all(c.encode("gb2312", errors="ignore") for c in han):
                continue  # in traditional script
            if number % HELD_OUT[group] == 0:
                if len(han) >= SHORTEST and len(line) <= LONGEST:
                    held[group].append(line)
            elif group == "everyday" or number // 7 % 100 < 100 * USED:
                seen.append(line)
    return held, seen


class Noiser:
    """Writes errors into lines."""

    def __init__(self, corrector: Predictor, root: Path, seen: list[str]) -> None:
        task = corrector.task
        self.ids = task.ids  # type: ignore[attr-defined]
        han = han_ids(self.ids)
        plain, _ = scripts({i: c for i, c in self.ids.characters.items() if han[i]}, len(han))
        text = np.array([self.ids(c) if is_han(c) else -1 for line in seen for c in f"{line}\n"])
        text[(text >= 0) & ~plain[text]] = -1
        sets = read_confusions(root / "csc/plome")
        readings = read_readings(root / "csc/plome", sets["pinyin"])
        rows = corpora.dataset("typos").load(root).train
        edits = observed_edits((row["source"], row["target"]) for row in rows)
        characters = {i: c for i, c in self.ids.characters.items() if plain[i]}
        self.tables: ErrorTables = build_tables(text, characters, len(han), sets, readings, edits)
        self.noise = Noise(KINDS, int(task.processor.mask_token_id), han, 0.1, 1.0, ERRORS)  # type: ignore[attr-defined]
        self.generator = np.random.default_rng(1)

    def __call__(self, line: str) -> str:
        """The line with errors; where the tables know none it stays as it is."""
        right = np.array([self.ids(character) for character in line])
        places = np.array([is_han(character) for character in line])
        rows = np.zeros(len(line), dtype=int)
        written, _ = self.noise.apply(right, rows, places, self.tables, self.generator)
        changed = (written != right) & (written != self.noise.mask)
        new = [self.ids.characters.get(int(index), "") for index in written]
        return "".join(n if c else o for n, o, c in zip(new, line, changed, strict=True))


@dataclass(frozen=True)
class Places:
    """Judged places of a set.

    Args:
        features: ``(n, K, F)``; label: 0 to keep, else 1 + the right candidate, ``(n,)``.
        sentence: number of each place's sentence, ``(n,)``.
        errors: of each sentence; fold: of each sentence.
    """

    features: Tensor
    label: Tensor
    sentence: np.ndarray
    errors: np.ndarray
    fold: np.ndarray


@torch.inference_mode()
def collect(corrector: Predictor, examples: list[Example], fold: list[int]) -> Places:
    """What the judge sees of some pairs."""
    task, model = corrector.task, corrector.model
    judge, han = Judge({}, task.ids.characters), task.finder.is_candidate  # type: ignore[attr-defined]
    encoded = task.encode(examples)
    errors = np.zeros(len(examples), dtype=int)
    found: list[tuple[Tensor, Tensor, np.ndarray]] = []
    for numbers in batches_by_length([length(feature) for feature in encoded], 3000):
        chosen = [encoded[number] for number in numbers]
        batch = task.collate(chosen)
        labels = batch.pop("labels")
        logits = model(**batch).logits[..., : len(han)]
        written = batch["input_ids"]
        others = han.expand_as(logits).scatter(-1, written.unsqueeze(-1), False)
        own = logits.gather(-1, written.unsqueeze(-1)).squeeze(-1)
        rival = logits.masked_fill(~others, -torch.inf).amax(-1)
        at = (rival > own + REACH) & han[written]
        judged, ids, features = judge.features(logits[at], written[at], others[at])
        right = labels[at].unsqueeze(1) == ids
        label = torch.where(right.any(1), right.int().argmax(1) + 1, 0)
        rows = np.array([feature["row"] for feature in chosen])
        wrong = ((labels >= 0) & (labels != written)).sum(1).numpy()
        np.add.at(errors, rows, wrong)
        sentence = rows[at.nonzero()[:, 0].numpy()]
        found.append((features[judged], label[judged], sentence[judged.numpy()]))
    features, label, sentence = zip(*found, strict=True)
    joined = np.concatenate(sentence)
    return Places(torch.cat(features), torch.cat(label), joined, errors, np.array(fold))


def joined(sets: dict[str, Places], keep: dict[str, np.ndarray]) -> tuple[Tensor, Tensor, Tensor]:
    """Features, labels and weights of the places that are kept."""
    features = torch.cat([part.features[torch.from_numpy(keep[n])] for n, part in sets.items()])
    label = torch.cat([part.label[torch.from_numpy(keep[n])] for n, part in sets.items()])
    weight = [torch.full((int(keep[name].sum()),), WEIGHTS[name]) for name in sets]
    return features, label, torch.cat(weight)


def report(name: str, part: Places, logs: Tensor) -> None:
    """Print reliability, and sentence scores by threshold.

    Args:
        name: of the set.
        part: its places.
        logs: log-probabilities of keeping and of each candidate, ``(n, K + 1)``.
    """
    best, chosen = logs[:, 1:].max(1)
    confidence, right = best.exp().numpy(), (chosen + 1 == part.label).numpy()
    bins = confidence_bins(confidence, right, bins=10)
    print(f"{name}: {len(confidence)} places, ECE {bins.error:.1f}")
    for n, mean, accuracy in zip(bins.n, bins.confidence, bins.accuracy, strict=True):
        print(f"  {n:6d} {mean:5.1f} {accuracy:5.1f}")
    leads = (best >= logs[:, 0]).numpy()
    for threshold in THRESHOLDS:
        made = leads & (confidence >= threshold)
        size = len(part.errors)
        hits = np.bincount(part.sentence[made & right], minlength=size)
        changes = np.bincount(part.sentence[made], minlength=size)
        whole = (part.errors > 0) & (hits == part.errors) & (changes == part.errors)
        f1 = 200 * whole.sum() / max((changes > 0).sum() + (part.errors > 0).sum(), 1)
        intact = 100 * (changes[part.errors == 0] == 0).mean()
        print(f"  {threshold:4.2f} strict F1 {f1:5.1f} clean intact {intact:5.1f}")


def main() -> None:
    """Fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", type=Path, required=True)
    root = parser.parse_args().data_root
    corrector = open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))
    held, seen = held_out(root)
    noiser = Noiser(corrector, root, seen)
    pairs = {
        name: [(noiser(line), line, number % FOLDS) for number, line in enumerate(lines)]
        for name, lines in held.items()
    }
    real = corpora.dataset("typos").load(root).dev
    places = {name: number for number, name in enumerate(DEV_REPOSITORIES)}
    pairs["typos"] = [(r["source"], r["target"], places[r["repository"]]) for r in real]
    sets: dict[str, Places] = {}
    for name, rows in pairs.items():
        both = [*rows, *((right, right, fold) for _, right, fold in rows)]
        examples = [{"source": wrong, "target": right} for wrong, right, _ in both]
        sets[name] = collect(corrector, examples, [fold for *_, fold in both])
    logs = {name: torch.zeros(len(part.label), CANDIDATES + 1) for name, part in sets.items()}
    for fold in range(FOLDS):
        here = {name: part.fold[part.sentence] == fold for name, part in sets.items()}
        vector = fit_weights(*joined(sets, {name: ~flags for name, flags in here.items()}))
        for name, part in sets.items():
            scores = part.features[torch.from_numpy(here[name])] @ vector
            stay = torch.zeros(len(scores), 1)
            logs[name][torch.from_numpy(here[name])] = torch.cat([stay, scores], 1).log_softmax(1)
    for name, part in sets.items():
        report(name, part, logs[name])
    everything = {name: np.ones(len(part.label), dtype=bool) for name, part in sets.items()}
    vector = fit_weights(*joined(sets, everything))
    encoder = read_json(BUILTIN_FOLDER / CHECKSUMS, dict[str, str])[BUILTIN_WEIGHTS]
    weights = {name: round(float(value), 5) for name, value in zip(FEATURES, vector, strict=True)}
    write_json(BUILTIN_FOLDER / FILE, {"encoder": encoder, "weights": weights})


if __name__ == "__main__":
    main()
