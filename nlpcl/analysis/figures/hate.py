"""Text classifiers: effect of the calibration gate on tokens, states and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.embeddings import FEWEST, silhouette
from nlpcl.analysis.figures.items import Example, encoded, items
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.style import COLOURS, PAPER, bare, colour, panels, shortened
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TASKS = ("classification",)
MOST_TEXTS = 500
MOST_TOKENS = 40
"""Tokens of a text shown one by one."""
TEXTS = 2
"""Texts shown token by token."""
LOOKED_AT = 20
"""Answers among which texts of fitting length are sought."""
WORD_MARKS = "▁Ġ"
"""What tokenizers put before the first token of a word."""
BATCH = 32
MOST_PAIRS = 200_000
"""Pairs of texts whose similarities are drawn."""


def explained(run: Run, features: Sequence[dict[str, Any]]) -> list[dict[str, np.ndarray]]:
    """Compute ``weights`` ``(L,)``, ``before`` and ``after`` ``(L, H)``, and both ``pooled``.

    Raises:
        LeftOut: the model has no gate.
    """
    import torch

    from nlpcl.zoo.text_classifier import TextClassifier

    model, task = run.model, run.task
    if not isinstance(model, TextClassifier) or model.calibration is None:
        raise LeftOut(f"this {run.record['model']} has no calibration gate")
    device = next(model.parameters()).device
    found: list[dict[str, np.ndarray]] = []
    for start in range(0, len(features), BATCH):
        part = list(features[start : start + BATCH])
        batch = {name: value.to(device) for name, value in task.collate(part).items()}
        mask = batch["attention_mask"].bool()
        with torch.inference_mode():
            parts = model.explain(batch["input_ids"], batch["attention_mask"])
            pooled = {
                f"pooled {name}": model.pool(parts[name], mask) for name in ("before", "after")
            }
        for row, length in enumerate(mask.sum(1).tolist()):
            tokens = {name: parts[name][row, :length] for name in ("weights", "before", "after")}
            whole = {name: value[row] for name, value in pooled.items()}
            one = {name: value.float().cpu().numpy() for name, value in (tokens | whole).items()}
            found.append(one)
    return found


def texts_of(run: Run, most: int, seed: int) -> tuple[list[Example], str]:
    """Return the labelled test texts, and a note if not all are shown."""
    listed = items(run, most, seed)
    return [row for row in listed.examples if row.get("label") is not None], listed.sampling


def load_gate(run: Run, options: Options) -> Material:
    """Compute attention and gate factors of single texts, token by token."""
    examples, _ = texts_of(run, 10**9, options.seed)
    by_text = {row["text"]: row for row in examples}
    rows = sorted(run.predictions, key=lambda row: -row["probabilities"][row["label"]])
    rows = [row for row in rows if row["text"] in by_text]
    right = [row for row in rows if row["gold"] == row["label"]]
    wrong = [row for row in rows if row["gold"] != row["label"]]
    order = [*right[:1], *wrong[:1], *right[1:]][:LOOKED_AT]
    features = encoded(run, [by_text[row["text"]] for row in order])
    fitting = [at for at, one in enumerate(features) if 3 <= len(one["input_ids"]) <= MOST_TOKENS]
    if not fitting:
        raise LeftOut(f"none of the texts looked at has 3 to {MOST_TOKENS} tokens")
    chosen = fitting[:TEXTS]
    states = explained(run, [features[at] for at in chosen])
    cells: list[dict[str, Any]] = []
    for number, (at, one) in enumerate(zip(chosen, states, strict=True)):
        answer = order[at]
        title = f"gold {answer['gold']}, answer {answer['label']}"
        told = token_rows(run, features[at], one)
        cells += [{"text": number, "title": title, "id": answer.get("id")} | row for row in told]
    same = {(row["text"], round(row["factor"], 6)) for row in cells if not row["special"]}
    alike = "This gate gives all tokens of a text one factor. " if len(same) <= len(chosen) else ""
    caption = (
        "Bars: attention that a token receives in the encoder's last layer (mean over heads and "
        "queries), and the same times the gate's factor, each relative to equal weights (1); line: "
        "the factor itself, averaged over channels. Special tokens are in the data only. "
        f"{alike}The most confident correct answer and mistake that fit. {run.name}: "
        f"test set; {run.protocol}."
    )
    return Material({"rows": cells}, cells, caption)


def token_rows(
    run: Run, feature: Mapping[str, Any], one: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Return one row of values per token of a text."""
    processor = run.processor
    names = processor.convert_ids_to_tokens(feature["input_ids"])
    asked = attention_received(run, feature)
    special = {*processor.all_special_tokens} - {processor.unk_token}
    shown = np.array([name not in special for name in names])
    attention = {
        "attention before": relative(asked, shown),
        "attention after": relative(asked * one["weights"], shown),
    }
    near = {name: to_pooled(one, name) for name in ("before", "after")}
    return [
        {
            "place": place,
            "token": str(name).lstrip(WORD_MARKS) or str(name),
            "special": not shown[place],
            "factor": float(one["weights"][place]),
            **{kind: float(values[place]) for kind, values in attention.items()},
            "cosine to text before": float(near["before"][place]),
            "cosine to text after": float(near["after"][place]),
        }
        for place, name in enumerate(names)
    ]


def attention_received(run: Run, feature: Mapping[str, Any]) -> np.ndarray:
    """Attention that each token receives in the encoder's last layer, ``(L,)``."""
    import torch

    model: Any = run.model
    device = next(model.parameters()).device
    ids = torch.tensor([feature["input_ids"]], device=device)
    used = model.backbone.config._attn_implementation
    # Fused attention does not tell its weights.
    model.backbone.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            found = model.backbone(
                input_ids=ids, attention_mask=torch.ones_like(ids), output_attentions=True
            )
    finally:
        model.backbone.set_attn_implementation(used)
    return found.attentions[-1][0].float().mean((0, 1)).cpu().numpy()


def relative(values: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Weights of the tokens shown, relative to equal ones."""
    mean = float(values[shown].mean()) if shown.any() else 0.0
    return values / mean if mean else values


def to_pooled(one: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Cosine similarity of each token's state with the pooled text vector."""
    states, vector = one[name], one[f"pooled {name}"]
    lengths = np.linalg.norm(states, axis=-1) * np.linalg.norm(vector)
    return states @ vector / np.maximum(lengths, 1e-12)


def draw_gate(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel per text."""
    numbers = sorted({row["text"] for row in rows})
    figure, grid = panels(len(numbers), 1, height=2.5)
    for axes, number in zip(grid, numbers, strict=True):
        own = [row for row in rows if row["text"] == number and not row["special"]]
        places = np.arange(len(own))
        for column, (name, label) in enumerate(
            (("attention before", "attention"), ("attention after", "attention x factor"))
        ):
            values = [row[name] for row in own]
            axes.bar(
                places + 0.2 * (2 * column - 1), values, 0.38, color=colour(column), label=label
            )
        factors = [row["factor"] for row in own]
        axes.plot(places, factors, color=COLOURS[2], marker="o", markersize=3, label="factor")
        names = [shortened(row["token"], 14) for row in own]
        axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor")
        title = next(row["title"] for row in rows if row["text"] == number)
        axes.set(title=title, xlim=(-0.6, len(own) - 0.4))
        axes.grid(False, axis="x")
    grid[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3)
    return figure


def load_space(run: Run, options: Options) -> Material:
    """Compute text vectors before and after the gate, and their similarities by class."""
    from sklearn.decomposition import PCA

    examples, sampling = texts_of(run, MOST_TEXTS, options.seed)
    if len(examples) < FEWEST:
        raise LeftOut(f"{len(examples)} texts are too few for a map; {FEWEST} are needed")
    found = explained(run, encoded(run, examples))
    labels = [str(row["label"]) for row in examples]
    vectors = {
        name: np.stack([one[f"pooled {name}"] for one in found]) for name in ("before", "after")
    }
    if not all(np.isfinite(part).all() for part in vectors.values()):
        raise LeftOut("some states are not finite numbers")
    maps = {name: PCA(2, random_state=0).fit_transform(part) for name, part in vectors.items()}
    similar = {name: by_class(part, labels, options.seed) for name, part in vectors.items()}
    told = "; ".join(
        f"{name}: within a class {parts['within'].mean():.3f}, between classes "
        f"{parts['between'].mean():.3f}, silhouette {silhouette(vectors[name], labels) or 0:+.2f}"
        for name, parts in similar.items()
        if len(parts["within"]) and len(parts["between"])
    )
    rows = [
        {"id": row.get("id"), "label": label}
        | {
            f"{name} {axis}": float(maps[name][at, a])
            for name in maps
            for a, axis in enumerate("xy")
        }
        for at, (row, label) in enumerate(zip(examples, labels, strict=True))
    ]
    caption = (
        "Above: PCA of each set of text vectors by itself. Below: cosines of pairs of texts. Mean "
        f"cosine {told}. {sampling}{run.name}: n = {len(examples)} texts, test set; {run.protocol}."
    )
    return Material({"maps": maps, "labels": labels, "similar": similar}, rows, caption)


def by_class(vectors: np.ndarray, labels: Sequence[str], seed: int) -> dict[str, np.ndarray]:
    """Cosine similarities of pairs within one class, and of pairs of two classes."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    first, second = np.triu_indices(len(vectors), 1)
    if len(first) > MOST_PAIRS:
        drawn = np.random.default_rng(seed).choice(len(first), MOST_PAIRS, replace=False)
        first, second = first[drawn], second[drawn]
    whole = (vectors / lengths) @ (vectors / lengths).T
    cosines, names = whole[first, second], np.asarray(labels)
    same = names[first] == names[second]
    return {"within": cosines[same], "between": cosines[~same]}


def draw_space(
    maps: Mapping[str, np.ndarray],
    labels: Sequence[str],
    similar: Mapping[str, Mapping[str, np.ndarray]],
) -> Figure:
    """Draw two projections above two histograms."""
    figure, grid = panels(2, 2, height=2.6, gridspec_kw={"height_ratios": [3, 2]})
    names = np.asarray(labels)
    lowest = min(
        float(part.min()) for parts in similar.values() for part in parts.values() if len(part)
    )
    bins = np.linspace(lowest, 1, 41).tolist()
    for column, (when, places) in enumerate(maps.items()):
        axes = grid[column]
        for number, label in enumerate(sorted(set(labels))):
            own = names == label
            axes.scatter(
                *places[own].T, s=12, color=colour(number), label=shortened(label),
                edgecolors=PAPER, linewidths=0.3,
            )  # fmt: skip
        bare(axes)
        axes.set(title=f"{when} the gate" if when == "before" else "behind the gate")
        below = grid[2 + column]
        for number, (kind, values) in enumerate(similar[when].items()):
            if len(values):
                below.hist(
                    values, bins, density=True, color=colour(number), alpha=0.55,
                    label=f"{kind} ({values.mean():.2f})",
                )  # fmt: skip
        below.set(xlabel="cosine of two texts", yticks=[])
        below.legend(loc="upper left", title="classes")
    handles, shown = grid[0].get_legend_handles_labels()
    figure.legend(handles, shown, loc="outside upper center", ncols=6)
    return figure


FAMILY = "hate speech"
KINDS = (
    Kind("gate", "Gate, token by token", load_gate, draw_gate, TASKS, needs_model=True),
    Kind(
        "gate-space",
        "Texts before and behind the gate",
        load_space,
        draw_space,
        TASKS,
        needs_model=True,
    ),
)
