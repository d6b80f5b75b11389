"""Real typos, corrected in the histories of free documentation; split by repository."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.data.locate import copies_note, missing, scan, together
from nlpcl.data.pairs import PAIR_FIELDS, count_pairs
from nlpcl.data.tables import read_rows

DEV_REPOSITORIES = (
    "OI-wiki/OI-wiki",
    "SwiftGGTeam/the-swift-programming-language-in-chinese",
    "hyperf/hyperf",
    "jaywcjlove/linux-command",
    "yidao620c/python3-cookbook",
)
"""Repositories whose corrections are the dev set."""


def _load(root: Path | None) -> Splits:
    patterns = [r"train\.tsv", r"train_lowconf\.tsv", r"test\.tsv"]
    paths, others = together(scan(root, "typos"), patterns)
    if not paths:
        raise missing("typos", root, "train.tsv with train_lowconf.tsv and test.tsv")
    splits = Splits("typos", protocol="train, dev and test from different repositories")
    rows: list[list[Example]] = []
    for path in paths:
        found, problems = read_rows(path, PAIR_FIELDS, optional={"repository": ("repository",)})
        splits.problems += problems
        rows.append([row for row in found if _is_named(row, path, splits.problems)])
    sure, doubtful, test = rows
    splits.dev = [row for row in sure if row["repository"] in DEV_REPOSITORIES]
    splits.train = [r for r in [*sure, *doubtful] if r["repository"] not in DEV_REPOSITORIES]
    splits.test = {"typos": test}
    splits.notes = copies_note("typos", paths[0].parent, others)
    return splits


def _is_named(row: Example, path: Path, problems: list[Problem]) -> bool:
    """Whether a row names its repository; else it is reported."""
    if "repository" not in row:
        problems.append(Problem(str(path), row["line"], "no repository; row skipped"))
    return "repository" in row


DATASETS = (
    Dataset(
        name="typos",
        task="correction",
        title="Typos corrected in the histories of free Chinese documentation",
        licence="per row: MIT, Apache-2.0, CC BY 4.0, CC BY-SA 3.0 and 4.0, Unlicense",
        source="edit histories of 113 public repositories, named in every row",
        load=_load,
        expected={
            "train": 2959,
            "train_erroneous": 2959,
            "dev": 399,
            "dev_erroneous": 399,
            "train_wrong_characters": 3318,
            "test": 492,
            "test_erroneous": 246,
        },
        count=count_pairs,
        warnings=(
            "nearly all is software documentation; frequencies of an edit are capped",
            "about one row in six of train_lowconf.tsv is no typo",
        ),
    ),
)
