"""ECSpell domain sets: law, medicine, official documents (Lv et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import copies_note, missing, scan, together
from nlpcl.data.pairs import count_pairs, read_pairs

_DOMAINS: dict[str, str] = {"law": "law", "med": "medicine", "odw": "official documents"}


def _load(domains: Sequence[str], root: Path | None) -> Splits:
    name = "ecspell" if len(domains) > 1 else f"ecspell-{domains[0]}"
    files = scan(root, name)
    splits = Splits(name, protocol="its authors' split")
    for domain in domains:
        paths, others = together(files, [rf"{domain}\.train", rf"{domain}\.test"])
        if not paths:
            raise missing(name, root, f"{domain}.train with {domain}.test")
        train, test = (
            partial(read_pairs, [path], splits.problems, suffix=".tsv") for path in paths[:2]
        )
        splits.train += splits.part("train", train)
        splits.test[f"ecspell-{domain}"] = test()
        splits.notes += copies_note(f"ecspell-{domain}", paths[0].parent, others)
    return splits


_COUNTS = {
    "law": ((1960, 1059), (500, 255), 364),
    "med": ((3000, 1473), (500, 226), 280),
    "odw": ((1728, 1000), (500, 266), 320),
}


def _dataset(domains: Sequence[str]) -> Dataset:
    train = [sum(_COUNTS[domain][0][at] for domain in domains) for at in (0, 1)]
    expected = {"train": train[0], "train_erroneous": train[1]}
    for domain in domains:
        key = "test" if len(domains) == 1 else f"test:ecspell-{domain}"
        expected |= {key: _COUNTS[domain][1][0], f"{key}_erroneous": _COUNTS[domain][1][1]}
    leaks = sum(_COUNTS[domain][2] for domain in domains)
    titles = ", ".join(_DOMAINS[domain] for domain in domains)
    return Dataset(
        name="ecspell" if len(domains) > 1 else f"ecspell-{domains[0]}",
        task="correction",
        title=f"ECSpell: {titles}",
        licence="MIT",
        source="github.com/Aopolin-Lv/ECSpell, Data/domains_data",
        load=partial(_load, domains),
        expected=expected,
        count=count_pairs,
        warnings=(
            f"{leaks} of {500 * len(domains)} test targets stand in train: scores with the "
            "overlap kept are inflated",
        ),
    )


DATASETS = (_dataset(tuple(_DOMAINS)), *(_dataset((domain,)) for domain in _DOMAINS))
