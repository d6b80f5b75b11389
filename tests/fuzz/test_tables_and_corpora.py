"""Tables of texts and pairs, and the files of every corpus of texts."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from nlpcl import tasks
from nlpcl.core.files import write_json_lines
from nlpcl.data import corpora, loading
from nlpcl.data.check import check
from nlpcl.data.classes import label_map
from nlpcl.runs.rows import check_classes, inventory
from nlpcl.tasks.correction.dictionaries import Dictionaries
from nlpcl.text.reading import read_texts

PAIRS = [("我今天很高性。", "我今天很高兴。"), ("他在家。", "他在家。"), ("天汽好", "天气好")]
PAIR_TABLE = "".join(f"{wrong}\t{right}\n" for wrong, right in PAIRS)
POSTS = [("quillans are fine", "0"), ("quillans, go away", "1"), ("so so &amp; 中", "0")]


def rows_as_json(rows: list[dict[str, object]], *, by_line: bool) -> str:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return "".join(f"{line}\n" for line in lines) if by_line else f"[{', '.join(lines)}]"


OPTIONAL = {"language": "en", "targets": ["Zor", "Qui"], "group": "g", "rationale": [[0, 3]]}
LABELLED = [
    {"text": text, "label": label, "id": number} | OPTIONAL
    for number, (text, label) in enumerate(POSTS)
]
CSV = 'text,label,id,language,targets,rationale\n"a, ""b""",0,1,en,Zor|Qui,"[[0, 1]]"\nc,1,2,zh,,\n'
FILES = {
    ("correction", "tsv"): "source\ttarget\n" + PAIR_TABLE,
    ("correction", "csv"): "source,target\n" + PAIR_TABLE.replace("\t", ","),
    ("correction", "txt"): PAIR_TABLE,
    ("correction", "json"): rows_as_json(
        [{"source": wrong, "target": right} for wrong, right in PAIRS], by_line=False
    ),
    ("classification", "csv"): CSV,
    ("classification", "tsv"): "text\tlabel\n" + "".join(f"{t}\t{n}\n" for t, n in POSTS),
    ("classification", "jsonl"): rows_as_json(LABELLED, by_line=True),
    ("classification", "json"): rows_as_json(LABELLED, by_line=False),
    ("masked_lm", "txt"): "一行字\n又一行\n第三行\n",
}  # fmt: skip


def used(splits, place: Path) -> None:
    """What a training does with rows before it encodes them, and writes of them."""
    splits.fingerprint()
    inventory(splits)
    rows = [row for part in (splits.train, splits.dev, *splits.test.values()) for row in part]
    write_json_lines(place.parent / "written.jsonl", rows)
    (place.parent / "written.jsonl").read_text(encoding="utf-8")
    if all("label" in row for row in rows):
        check_classes(rows, "here")


@pytest.mark.parametrize(("task", "suffix"), FILES)
def test_tables(tmp_path, survives, task, suffix):
    name = f"rows.{suffix}"
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / name).write_text(FILES[task, suffix], encoding="utf-8")
    schema = tasks.spec(task).schema

    def read(place: Path) -> None:
        check(str(place / name), schema).tables()
        used(loading.load(str(place / name), schema, dev_fraction=0.3), place)

    survives(tmp_path / "place", [name], read)


SENTENCES = rows_as_json([{"text": text, "n": [1, {"a": None}]} for text, _ in POSTS], by_line=True)
INPUTS = {"txt": "一\r\n二\n", "jsonl": SENTENCES, "csv": CSV, "tsv": "id\ttext\n1\ta\n2\tb\n"}


@pytest.mark.parametrize("suffix", INPUTS)
def test_input_of_predict(tmp_path, survives, suffix):
    from nlpcl.tasks.correction.output import LAYOUT
    from nlpcl.text.writing import ResultWriter

    name = f"texts.{suffix}"
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / name).write_text(INPUTS[suffix], encoding="utf-8", newline="")

    def read(place: Path) -> None:
        # rich takes its time over large tables.
        for form in ("jsonl", "csv", "text", *(["table"] if suffix == "txt" else [])):
            written = tmp_path / f"out.{form}"
            with ResultWriter(form, written, LAYOUT, errors=True) as writer:
                for record in read_texts(place / name):
                    row = {"source": record.text, "target": record.text, "edits": []}
                    if record.error:
                        writer.write_error(record)
                    else:
                        writer.write(record, row)
            written.read_text(encoding="utf-8")

    survives(tmp_path / "place", [name], read)


DICTIONARIES = {"protect.txt": "高兴\n天气\n", "pairs.txt": "高性 高兴\n天汽\t天气\n"}
DICTIONARIES["pairs.json"] = '{"高性": "高兴", "天汽": "天气"}'


@pytest.mark.parametrize("name", DICTIONARIES)
def test_dictionaries(tmp_path, survives, name):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / name).write_text(DICTIONARIES[name], encoding="utf-8")

    field = "protect" if name.startswith("protect") else "confusion"

    def read(place: Path) -> None:
        Dictionaries.from_files(**{field: place / name}).find("我今天很高性。")

    survives(tmp_path / "place", [name], read)


def test_names_of_classes(tmp_path, survives):
    (tmp_path / "place").mkdir()
    for name, flag in {"json": '{"a": "b", "c": ""}', "plain": "a=b,c="}.items():
        (tmp_path / "place" / name).write_text(flag)

    def read(place: Path) -> None:
        for file in filter(Path.is_file, place.iterdir()):
            label_map(file.read_bytes().decode("utf-8", "surrogateescape"))

    survives(tmp_path / "place", ["json", "plain"], read)


SGML = """<ESSAY title="一">
<TEXT>
<PASSAGE id="A-1">我今天很高性。</PASSAGE>
<PASSAGE id="A-2">天汽好</PASSAGE>
</TEXT>
<MISTAKE id="A-1" location="6">
<WRONG>高性</WRONG>
<CORRECTION>高兴</CORRECTION>
</MISTAKE>
<MISTAKE id="A-2" location="2"><WRONG>汽</WRONG><CORRECTION>气</CORRECTION></MISTAKE>
</ESSAY>
"""
DOC = """<DOC Nid="00001">
<P>他在家做饭。</P>
<TEXT>
<MISTAKE wrong_position=3><wrong>家</wrong><correct>佳</correct></MISTAKE>
</TEXT>
</DOC>
"""
SENTENCE = """<SENTENCE>
<TEXT>他在家做饭。</TEXT>
<MISTAKE><LOCATION>3</LOCATION><WRONG>家</WRONG><CORRECTION>佳</CORRECTION></MISTAKE>
</SENTENCE>
"""
INPUT = "(pid=A2-1)\t我今天很高性。\n(pid=A2-2)\t天汽好\n"
TRUTH = "A2-1, 6, 兴\nA2-2, 2, 气\n"
WRONG, RIGHT = ("".join(f"{pair[side]}\n" for pair in PAIRS) for side in (0, 1))
SPACED = "".join(f"1\t{' '.join(a)}\t{' '.join(b)}\n" for a, b in PAIRS)
MACRO = rows_as_json([{"original_text": a, "correct_text": b} for a, b in PAIRS], by_line=False)
NAMES = ("x/y", "hyperf/hyperf", "z/z")
REPOSITORY = "".join(f"{a}\t{b}\t{name}\n" for (a, b), name in zip(PAIRS, NAMES, strict=True))
COLD = "TEXT,label,topic,fine-grained-label\n" + "".join(f'"{t}",{n},race,{n}\n' for t, n in POSTS)
HSOL = ",count,class,tweet\n" + "".join(f'{n},3,{n},"{t}"\n' for t, n in POSTS)
TOXICN = [
    {"content": t, "toxic": int(n), "toxic_type": int(n), "target": [0, 1, 0, 0, 0, 0]}
    for t, n in POSTS
]
TOXICN_CSV = "content,toxic,toxic_type,target\n" + "".join(
    f'"{t}",{n},{n},"[0, 1, 0, 0, 0, 0]"\n' for t, n in POSTS
)
TABS = "id\ttext\tHS\tTR\tAG\n" + "".join(
    f"{at}\t{t}\t{n}\t0\t0\n" for at, (t, n) in enumerate(POSTS)
)
EXPLAINED = (
    "post_id,label,text,annotator_labels,targets,rationales\n"
    't1,hatespeech,a b c,"[0, 0, 2]","[[""Zor""], [""Zor""], [""None""]]",'
    '"[[1, 0, 1], [1, 0, 0], [0, 0, 0]]"\nt2,normal,d e,,,\n'
)
ANNOTATED = {
    name: {
        "annotators": [{"label": "offensive", "target": ["Qui"]}] * 3,
        "rationales": [[1, 1, 0], [0, 1, 1]],
        "post_tokens": ["quillans", "go", "away"],
    }
    for name in ("p1", "p2", "p3")
}
SIGHAN = {
    13: ("Bakeoff2013_SampleSet_WithError_00001-00350.txt", "FinalTest_SubTask2", DOC),
    14: ("B1_training.sgml", "CLP14_CSC_Test", SGML),
    15: ("SIGHAN15_CSC_A2_Training.sgml", "SIGHAN15_CSC_Test", SGML),
}
CORPORA: dict[str, tuple[str, dict[str, str]]] = {
    "sighan14 tables": ("sighan14", {"14train.txt": PAIR_TABLE, "14test.txt": PAIR_TABLE}),
    "sighan15 parallel": (
        "sighan15",
        {
            f"{part}15_{side}.txt": text
            for part in ("train", "test")
            for side, text in (("error", WRONG), ("correct", RIGHT))
        },
    ),
    "sighan15 sgml": ("sighan15", {"train15.sgml": SGML, "test15.sgml": SGML}),
    "wang271k sgml": ("wang271k", {"train.sgml": SENTENCE * 3}),
    "wang271k table": ("wang271k", {"wang271k.tsv": PAIR_TABLE}),
    "wang271k subset": ("wang271k-subset", {"wang271k_subset.tsv": PAIR_TABLE}),
    "cscd": ("cscd", {f"cscd/{p}.tsv": SPACED.replace(" ", "") for p in ("train", "dev", "test")}),
    "cscd test": ("cscd", {"lomo_tet.json": MACRO}),
    "lemon": ("lemon", {"lemon_v2/car.txt": SPACED, "lemon_v2/nov.txt": PAIR_TABLE}),
    "ecspell": ("ecspell-law", {"law.train": PAIR_TABLE, "law.test": PAIR_TABLE}),
    "cdconfusor": ("cdconfusor", {"rw_test.tsv": PAIR_TABLE, "findoc_test.v2.tsv": PAIR_TABLE}),
    "macro-gen": ("macro-gen", {f"gen_{n}.tet.json": MACRO for n in ("passage", "xxqg")}),
    "macro-clean": ("macro-clean", {f"acc_{n}.tet.json": MACRO for n in ("rmrb", "xxqg")}),
    "typos": (
        "typos",
        {
            f"typos/{n}.tsv": "source\ttarget\trepository\n" + REPOSITORY
            for n in ("train", "train_lowconf", "test")
        },
    ),
    "cold": ("cold", {f"COLDataset/{part}.csv": COLD for part in ("train", "dev", "test")}),
    "hsol": ("hsol", {"labeled_data.csv": HSOL}),
    "toxicn": (
        "toxicn",
        {f"ToxiCN/{p}.json": rows_as_json(TOXICN, by_line=False) for p in ("train", "test")},
    ),
    "toxicn table": ("toxicn", {"ToxiCN_1.0.csv": TOXICN_CSV}),
    "hateval tabs": ("hateval", {f"{p}_en.tsv": TABS for p in ("train", "dev", "test")}),
    "hateval commas": (
        "hateval",
        {
            f"hateval2019_en_{p}.csv": TABS.replace(",", ";").replace("\t", ",")
            for p in ("train", "test")
        },
    ),
    "hateval without header": (
        "hateval",
        {"train_en.tsv": TABS, "reference_test_en/en.tsv": TABS.partition("\n")[2]},
    ),
    "hatexplain tables": (
        "hatexplain",
        {f"hatexplain/{p}.csv": EXPLAINED for p in ("train", "val", "test")}
        | {"hatexplain/post_id_divisions.json": '{"train": ["t1"], "val": ["t2"], "test": []}'},
    ),
    "hatexplain release": (
        "hatexplain",
        {
            "dataset.json": json.dumps(ANNOTATED),
            "post_id_divisions.json": '{"train": ["p1"], "val": ["p2"], "test": ["p3"]}',
        },
    ),
}
for year, (train, test, marked) in SIGHAN.items():
    files = {train: marked, f"{test}_Input.txt": INPUT, f"{test}_Truth.txt": TRUTH}
    if year == 13:
        files = {train: marked, f"{test}.txt": INPUT, f"{test}_Truth.txt": TRUTH}
    CORPORA[f"sighan{year} official"] = (f"sighan{year}", files)


@pytest.mark.parametrize("case", CORPORA)
def test_corpora_of_texts(tmp_path, survives, case):
    name, files = CORPORA[case]
    for file, content in files.items():
        (tmp_path / "place" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "place" / file).write_text(content, encoding="utf-8")
    schema = tasks.spec(corpora.dataset(name).task).schema

    def read(place: Path) -> None:
        check(name, schema, place).tables()
        used(loading.load(name, schema, root=place, for_test="test" in case), place)

    survives(tmp_path / "place", list(files), read)


def test_packed_texts(tmp_path, survives):
    file = tmp_path / "place" / "zh_text" / "tatoeba.txt.xz"
    file.parent.mkdir(parents=True)
    file.write_bytes(lzma.compress(("".join(right + "\n" for _, right in PAIRS) * 9).encode()))
    schema = tasks.spec("masked_lm").schema

    def read(place: Path) -> None:
        check("zh-text", schema, place).tables()
        used(loading.load("zh-text", schema, root=place), place)

    wrap = (lzma.compress, lzma.decompress)
    survives(tmp_path / "place", ["zh_text/tatoeba.txt.xz"], read, wrap)


def test_every_corpus_of_texts_is_tried():
    others = ("emotion", "entities")  # have tests of their own
    known = {name for name in corpora.names() if corpora.dataset(name).task not in others}
    tried = {name for name, _ in CORPORA.values()} | {"zh-text"}
    same = dict.fromkeys(("ecspell", "ecspell-med", "ecspell-odw"), "ecspell-law")
    same["zh-text-everyday"] = "zh-text"
    assert {same.get(name, name) for name in known if not name.startswith("sample")} == tried
