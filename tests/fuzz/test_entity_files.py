"""Files of entities in every format, and those of every corpus of entities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlpcl.core.files import write_json_lines
from nlpcl.data import corpora, loading
from nlpcl.data.check import check
from nlpcl.data.inventory import inventory
from nlpcl.data.spans import SPANS

TEXTS = [
    ("张三在北京大学🙂", [(0, 2, "PER"), (3, 5, "LOC"), (3, 7, "ORG")]),
    ("Ann Lee left Rome", [(0, 7, "PER"), (13, 17, "LOC")]),
    ("so so &amp; 中", []),
]


def named(start: int, end: int, kind: str) -> dict[str, object]:
    return {"start": start, "end": end, "type": kind}


def cluener(text: str, spans: list[tuple[int, int, str]]) -> dict[str, object]:
    label: dict[str, dict[str, list[list[int]]]] = {}
    for start, end, kind in spans:
        label.setdefault(kind, {}).setdefault(text[start:end], []).append([start, end - 1])
    return {"text": text, "label": label}


def label_studio(text: str, spans: list[tuple[int, int, str]]) -> dict[str, object]:
    values = [
        {"start": start, "end": end, "text": text[start:end], "labels": [kind]}
        for start, end, kind in spans
    ]
    return {"data": {"text": text}, "annotations": [{"result": [{"value": v} for v in values]}]}


def lines(records: list[object]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def columns(single: str, first: str, middle: str, last: str) -> str:
    """Characters with the tags of their flat entities."""
    written: list[str] = []
    for text, spans in TEXTS:
        cells = ["O"] * len(text)
        for start, end, kind in spans:
            letters = [first, *[middle] * (end - start - 2), last][: end - start] or [single]
            cells[start:end] = [f"{letter}-{kind}" for letter in letters]
        rows = zip(text, cells, strict=True)
        written += [f"# text = {text}", *(f"{a}\t{b}" for a, b in rows if a != " "), ""]
    return "\n".join(written) + "\n"


PLACED = "".join(f"{one}{at}\tO\n" for at, one in enumerate("我们去了北")) + "好0\tB-X\n\n"
FILES = {
    "cluener.json": lines([cluener(*one) for one in TEXTS]),
    "own.jsonl": lines([{"text": t, "entities": [named(*s) for s in spans]} for t, spans in TEXTS]),
    "spacy.json": json.dumps([[t, {"entities": spans}] for t, spans in TEXTS]),
    "doccano.jsonl": lines([{"id": 1, "text": t, "label": spans} for t, spans in TEXTS]),
    "studio.json": json.dumps([label_studio(*one) for one in TEXTS], ensure_ascii=False),
    "a.bio": columns("B", "B", "I", "I"),
    "a.bmes": columns("S", "B", "M", "E").replace("# text", "# other").replace("\t", " "),
    "a.bioes": columns("S", "B", "I", "E"),
    "weibo.conll": PLACED * 3,
}


def read(name: str, root: Path | None = None) -> None:
    """What a check does with files, and a training with rows before it encodes them."""
    check(name, SPANS, root).tables()
    splits = loading.load(name, SPANS, root=root, dev_fraction=0.3, unescape_html=True)
    splits.fingerprint()
    inventory(splits)
    rows = [row for part in (splits.train, splits.dev, *splits.test.values()) for row in part]
    for row in rows:
        spans = [(one["start"], one["end"], one["type"]) for one in row["entities"]]
        assert spans == sorted(set(spans))
        assert all(0 <= start < end <= len(row["text"]) and kind for start, end, kind in spans)
    place = (root or Path(name)).parent / "written.jsonl"
    write_json_lines(place, rows)
    place.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path, survives, name):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / name).write_text(FILES[name], encoding="utf-8")
    survives(tmp_path / "place", [name], lambda place: read(str(place / name)))


def test_brat(tmp_path, survives):
    folder = tmp_path / "place"
    folder.mkdir()
    for number, (text, spans) in enumerate(TEXTS):
        bounds = [f"T{n}\t{k} {a} {b}\t{text[a:b]}\n" for n, (a, b, k) in enumerate(spans)]
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
        (folder / f"{number}.ann").write_text("".join(bounds), encoding="utf-8")
    survives(folder, ["0.txt", "0.ann", "1.ann"], lambda place: read(str(place)))


CORPORA = {
    "cluener": {f"cluener/{part}.json": FILES["cluener.json"] for part in ("train", "dev")},
    "weibo": {f"weiboNER_2nd_conll.{part}": PLACED for part in ("train", "dev", "test")},
    "wnut17": dict.fromkeys(
        ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"), FILES["a.bio"]
    ),
}
for corpus, bank in (
    ("uner-zh", "zh_gsd"),
    ("uner-zh-simplified", "zh_gsdsimp"),
    ("uner-en", "en_ewt"),
):
    numbered = "".join(f"{n}\t{t}\tO\t-\t-\n" for n, t in enumerate("我们好", start=1)) + "\n"
    CORPORA[corpus] = {f"{bank}-ud-{part}.iob2": numbered for part in ("train", "dev", "test")}


@pytest.mark.parametrize("name", CORPORA)
def test_corpora(tmp_path, survives, name):
    for file, content in CORPORA[name].items():
        (tmp_path / "place" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "place" / file).write_text(content, encoding="utf-8")
    survives(tmp_path / "place", list(CORPORA[name]), lambda place: read(name, place))


def test_every_corpus_of_entities_is_tried():
    assert {name for name in corpora.names("entities") if not name.startswith("sample")} == set(
        CORPORA
    )
