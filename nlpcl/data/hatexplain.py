"""HateXplain: English posts, the groups they speak of, the words that count (Mathew et al. 2021).

Read from the authors' ``dataset.json`` and ``post_id_divisions.json``, or from ``train.csv``,
``val.csv`` and ``test.csv`` with the columns ``post_id, label, text, annotator_labels, targets,
rationales`` (JSON lists, one item an annotator), the text being the tokens joined by blanks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.core.text_files import read_text
from nlpcl.data.labelled_text import count_labels, csv_records, finished, labelled
from nlpcl.data.locate import copies_note, missing, of_corpus, scan, together

CLASSES = ("hatespeech", "normal", "offensive")
"""By the number that the tables give them."""
MAJORITY = 2
"""Of the three annotators of a post."""
DIVISIONS = "post_id_divisions.json"


def majority_label(votes: Sequence[str]) -> str | None:
    """The label that at least two annotators agree on; None for an undecided post."""
    counted = Counter(votes).most_common(1)
    return counted[0][0] if counted and counted[0][1] >= MAJORITY else None


def agreed_targets(annotations: Sequence[Sequence[str]]) -> list[str]:
    """The target groups that at least two annotators named, sorted."""
    named = Counter(name for names in annotations for name in set(names))
    return sorted(name for name, times in named.items() if times >= MAJORITY and name != "None")


def rationale_spans(tokens: Sequence[str], masks: Sequence[Sequence[int]]) -> list[list[int]]:
    """Spans in ``" ".join(tokens)`` of the tokens that at least two annotators marked.

    Neighbouring tokens make one span ``[start, end]``, the blank between them included.

    Args:
        tokens: of the post.
        masks: one list of 0 and 1 an annotator, each as long as ``tokens``.

    Raises:
        ValueError: the lengths differ.
    """
    for mask in masks:
        if len(mask) != len(tokens):
            raise ValueError(f"a rationale of {len(mask)} marks for {len(tokens)} tokens")
    spans: list[list[int]] = []
    start, was_marked = 0, False
    for place, token in enumerate(tokens):
        end = start + len(token)
        is_marked = sum(mask[place] for mask in masks) >= MAJORITY
        if is_marked and was_marked:
            spans[-1][1] = end
        elif is_marked:
            spans.append([start, end])
        start, was_marked = end + 1, is_marked
    return spans


def _load(root: Path | None) -> Splits:
    files = scan(root, "hatexplain")
    splits = Splits("hatexplain", protocol="its authors' split")
    paths, others = together(files, [r"dataset\.json", r"post_id_divisions\.json"])
    if paths:
        _read_release(splits, *paths)
    else:
        named = of_corpus(files, root, "hatexplain")
        paths, others = together(named, [r"train\.csv", r"val\.csv", r"test\.csv"])
        if not paths:
            wanted = f"dataset.json and {DIVISIONS}, or hatexplain/train.csv, val.csv and test.csv"
            raise missing("hatexplain", root, wanted)
        _read_tables(splits, paths)
    splits.notes += copies_note("hatexplain", paths[0].parent, others)
    for name, rows in (("train", splits.train), ("dev", splits.dev)):
        if rows and not any("targets" in row for row in rows):
            what = f"{name} has no targets and no rationales in this copy"
            splits.notes.append(f"hatexplain: {what}")
    return finished(splits)


def _read_tables(splits: Splits, paths: Sequence[Path]) -> None:
    train, dev, test = (partial(_table_rows, path, splits.problems) for path in paths)
    splits.train, splits.dev = splits.part("train", train), splits.part("dev", dev)
    splits.test["hatexplain"] = test()
    parts = (splits.train, splits.dev, splits.test["hatexplain"])
    file = paths[0].parent / DIVISIONS
    if not file.is_file():
        return
    divisions = _divisions(file)
    for rows, part in zip(parts, ("train", "val", "test"), strict=True):
        strange = sum(row["id"] not in divisions[part] for row in rows)
        if strange:
            what = f"{strange} {part} posts are not in {part} of {DIVISIONS}"
            splits.notes.append(f"hatexplain: {what}")


def _table_rows(path: Path, problems: list[Problem]) -> list[Example]:
    rows: list[Example] = []
    undecided = 0
    for line, record in csv_records(path, ["post_id", "label", "text"]):
        lists: dict[str, Any] = {}
        for column in ("annotator_labels", "targets", "rationales"):
            try:
                lists[column] = parsed(record.get(column) or "null")
            except BrokenJson:
                what = f"broken {column}; left out"
                problems.append(Problem(str(path), line, what, is_used=True))
        votes = [_class_name(vote) for vote in lists.get("annotator_labels") or ()]
        label: str | None = record["label"] if record["label"] in CLASSES else None
        if votes and (voted := majority_label(votes)) != label:
            if voted is None:
                undecided += 1
                continue
            what = f"the label is {record['label']}, its annotators say {voted}, which is taken"
            problems.append(Problem(str(path), line, what, is_used=True))
            label = voted
        text = record.get("text") or ""
        more = _opinions(path, line, text.split(" "), lists, problems)
        rows += labelled(path, line, text, label, problems, identifier=record["post_id"], **more)
    if undecided:
        problems.append(Problem(str(path), None, f"{undecided} undecided posts left out"))
    return rows


def _class_name(vote: Any) -> str:
    return CLASSES[vote] if isinstance(vote, int) and 0 <= vote < len(CLASSES) else str(vote)


def _opinions(
    path: Path,
    line: int | None,
    tokens: Sequence[str],
    lists: Mapping[str, Any],
    problems: list[Problem],
) -> dict[str, Any]:
    """Language, and targets and rationale if the annotators gave any."""
    more: dict[str, Any] = {"language": "en"}
    try:
        if lists.get("targets") is not None:
            more["targets"] = agreed_targets(lists["targets"])
        if lists.get("rationales") is not None:
            more["rationale"] = rationale_spans(tokens, lists["rationales"])
    except (TypeError, ValueError) as error:
        reason = str(error) if type(error) is ValueError else "broken targets or rationales"
        problems.append(Problem(str(path), line, f"{reason}; left out", is_used=True))
    return more


def _read_release(splits: Splits, posts_file: Path, divisions_file: Path) -> None:
    """Read the authors' own files; posts in no part of their split are the undecided ones."""
    posts, divisions = _json_object(posts_file), _divisions(divisions_file)
    parts = {part: [] for part in divisions}
    undecided = outside = 0
    for number, (post_id, post) in enumerate(posts.items(), start=1):
        try:
            annotators, tokens = post["annotators"], [str(token) for token in post["post_tokens"]]
            votes = [str(annotator["label"]) for annotator in annotators]
            targets = [annotator.get("target") or [] for annotator in annotators]
        except (AttributeError, KeyError, TypeError):
            what = f"post {number} has no post_tokens or annotators; skipped"
            splits.problems.append(Problem(str(posts_file), None, what))
            continue
        label = majority_label(votes)
        part = next((name for name, ids in divisions.items() if post_id in ids), None)
        if label is None or part is None:
            undecided += label is None
            outside += label is not None
            continue
        lists = {"targets": targets, "rationales": post.get("rationales")}
        more = _opinions(posts_file, None, tokens, lists, splits.problems)
        text = " ".join(tokens)
        found = labelled(posts_file, 0, text, label, splits.problems, identifier=post_id, **more)
        parts[part] += [{**row, "line": None} for row in found]
    splits.train, splits.dev, splits.test["hatexplain"] = parts.values()
    if undecided:
        splits.notes.append(f"hatexplain: {undecided} posts on which no two agree left out")
    if outside:
        splits.notes.append(f"hatexplain: {outside} posts that are in no split left out")


def _divisions(path: Path) -> dict[str, set[str]]:
    listed = _json_object(path)
    try:
        return {part: set(listed[part]) for part in ("train", "val", "test")}
    except (KeyError, TypeError) as error:
        what = "no lists named train, val and test"
        raise UserError(what, path, "Get an undamaged copy.") from error


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = parsed(read_text(path))
    except BrokenJson as error:
        raise UserError(f"broken JSON ({error})", path, "Get an undamaged copy.") from error
    if not isinstance(value, dict):
        raise UserError("not a JSON object", path, "Get an undamaged copy.")
    return value


DATASETS = (
    Dataset(
        name="hatexplain",
        task="classification",
        title="HateXplain, English posts: hatespeech, offensive, normal; with reasons",
        licence="MIT (a later data card says CC-BY-4.0)",
        source="github.com/hate-alert/HateXplain",
        load=_load,
        expected={
            "train": 15_383,
            "train_labels": {"hatespeech": 4748, "normal": 6251, "offensive": 4384},
            "dev": 1922,
            "dev_labels": {"hatespeech": 593, "normal": 781, "offensive": 548},
            "test": 1924,
            "test_labels": {"hatespeech": 594, "normal": 782, "offensive": 548},
        },
        count=count_labels,
        warnings=(
            "a token counts as marked where two annotators marked it; posts of the class normal "
            "have no marks",
        ),
    ),
)
