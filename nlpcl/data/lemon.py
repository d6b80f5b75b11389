"""LEMON: natural errors in seven domains (Wu et al. 2023), characters separated by blanks."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.splits import Dataset, Example, Splits
from nlpcl.data.locate import missing, scan
from nlpcl.data.pairs import count_pairs, read_pairs

_DOMAINS = {
    "car": 3410,
    "cot": 1026,
    "enc": 3434,
    "gam": 400,
    "mec": 2090,
    "new": 5892,
    "nov": 6000,
}


def joined(text: str) -> str:
    """Join characters separated by single blanks; blanks of the sentence itself are kept."""
    if not text[1::2].strip(" "):
        return text[::2]
    return re.sub(r"(?<=\S) (?=\S)", "", text)


def _is_separated(rows: list[Example]) -> bool:
    """Whether most texts have blanks between characters; some copies are joined already."""
    return sum(not row["source"][1::2].strip(" ") for row in rows) * 2 > len(rows)


def _load(root: Path | None) -> Splits:
    files = scan(root, "lemon")
    domains: dict[Path, dict[str, Path]] = {}
    for path in files:
        is_named = "lemon" in path.parent.name.lower() or path.parent == root
        if is_named and path.stem.lower() in _DOMAINS and path.suffix.lower() in (".txt", ".tsv"):
            domains.setdefault(path.parent, {})[path.stem.lower()] = path
    if not domains:
        raise missing("lemon", root, f"lemon*/{{{','.join(_DOMAINS)}}}.txt")
    # The second version of the corpus lies beside the first, in a folder later in the alphabet.
    folder = max(domains, key=lambda folder: (len(domains[folder]), folder.name))
    splits = Splits("lemon", protocol=f"test sets from {folder.name}")
    for domain, path in sorted(domains[folder].items()):
        rows = read_pairs([path], splits.problems)
        if _is_separated(rows):
            rows = [
                {**row, "source": joined(row["source"]), "target": joined(row["target"])}
                for row in rows
            ]
        splits.test[f"lemon-{domain}"] = rows
    absent = sorted(set(_DOMAINS) - set(domains[folder]))
    if absent:
        splits.notes.append(f"lemon: no file for {', '.join(absent)}")
    return splits


DATASETS = (
    Dataset(
        name="lemon",
        task="correction",
        title="LEMON, natural errors in seven domains (test only)",
        licence="academic research only",
        source="github.com/gingasan/lemon, folder lemon_v2",
        load=_load,
        expected={f"test:lemon-{domain}": number for domain, number in _DOMAINS.items()},
        count=count_pairs,
        warnings=(
            "some pairs have unequal length; they are scored wrong",
            "two versions are in use: name the folder with every score",
        ),
    ),
)
