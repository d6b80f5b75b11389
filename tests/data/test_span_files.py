"""Files of marked spans: every format there and back, and what is wrong in them by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.data.loading import load_as_is
from nlpcl.data.spans import SPANS, spans_of
from nlpcl.tasks.entities.config import EntitiesConfig

CHARACTERS = "ab Z,9。中文字🙂é\u0301한\u3000"
TYPES = ["PER", "ORG", "组织-a"]


@st.composite
def annotated(draw, nested=True):
    """A text and sorted spans in it; flat ones unless nested ones are wanted."""
    text = draw(st.text(CHARACTERS, min_size=1, max_size=20).filter(str.strip))
    found, at = set(), 0
    for _ in range(draw(st.integers(0, 4))):
        if at >= len(text):
            break
        start = draw(st.integers(at, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        found.add((start, end, draw(st.sampled_from(TYPES))))
        at = 0 if nested else end
    return text, sorted(found)


documents = st.lists(annotated(), min_size=1, max_size=4)


def named(start, end, kind):
    return {"start": start, "end": end, "type": kind}


def units(text, at):
    """An offset in UTF-16 units."""
    return len(text[:at].encode("utf-16-le")) // 2


def cluener(text, spans):
    label = {}
    for start, end, kind in spans:
        label.setdefault(kind, {}).setdefault(text[start:end], []).append([start, end - 1])
    return {"text": text, "label": label}


def label_studio(text, spans, offset=lambda text, at: at):
    result = [
        {
            "type": "labels",
            "from_name": "label",
            "to_name": "text",
            "value": {
                "start": offset(text, start),
                "end": offset(text, end),
                "text": text[start:end],
                "labels": [kind],
            },
        }
        for start, end, kind in spans
    ]
    return {
        "data": {"text": text, "source": "here"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {"result": [*result, {"type": "relation", "from_id": "a", "to_id": "b"}]},
        ],
    }


RECORDS = {
    "own": lambda text, spans: {"text": text, "entities": [named(*span) for span in spans]},
    "inclusive": lambda text, spans: {
        "text": text,
        "entities": [named(start, end - 1, kind) for start, end, kind in spans],
    },
    "cluener": cluener,
    "spacy": lambda text, spans: [text, {"entities": [list(span) for span in spans]}],
    "spacy lines": lambda text, spans: {"text": text, "entities": [list(span) for span in spans]},
    "doccano": lambda text, spans: {"text": text, "label": [list(span) for span in spans]},
    "doccano relations": lambda text, spans: {
        "id": 7,
        "text": text,
        "entities": [
            {"id": at, "label": kind, "start_offset": start, "end_offset": end}
            for at, (start, end, kind) in enumerate(spans)
        ],
        "relations": [],
    },
    "label studio": label_studio,
    "label studio units": lambda text, spans: label_studio(text, spans, units),
    "label studio min": lambda text, spans: {
        "text": text,
        "label": [
            {"start": start, "end": end, "text": text[start:end], "labels": [kind]}
            for start, end, kind in spans
        ],
        "annotator": 1,
    },
}


def read(path, **options):
    splits, _ = load_as_is(str(path), SPANS, options=options)
    return splits


def save(path, content, newline="\n", mark=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(mark + content.replace("\n", newline), encoding="utf-8", newline="")
    return path


def same(rows, wanted):
    assert [(row["text"], spans_of(row)) for row in rows] == wanted


line_ends = st.sampled_from(["\n", "\r\n"])


@pytest.mark.parametrize("form", RECORDS)
@settings(max_examples=25)
@given(documents, line_ends)
def test_json_there_and_back(tmp_path_factory, form, texts, newline):
    folder = tmp_path_factory.getbasetemp() / "json"
    if form == "label studio units":  # the first text alone shows what offsets count
        texts = [("🙂張", [(1, 2, "PER")]), *texts]
    records = [RECORDS[form](*one) for one in texts]
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records)
    for name, content in (("a.jsonl", lines), ("b.json", json.dumps(records, indent=1))):
        path = save(folder / name, content + "\n", newline, "\ufeff")
        splits = read(path, inclusive_ends=form == "inclusive")
        same(splits.train, texts)
        assert splits.problems == []
        assert len({row["id"] for row in splits.train}) == len(texts)


@settings(max_examples=30)
@given(documents)
def test_brat_there_and_back(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("brat")
    for at, (text, spans) in enumerate(texts):
        save(folder / f"d{at}.txt", text)
        lines = [f"T{n}\t{k} {a} {b}\t{text[a:b]}" for n, (a, b, k) in enumerate(spans)]
        save(folder / f"d{at}.ann", "\n".join([*lines, "R1\tnear Arg1:T1 Arg2:T2", ""]), "\r\n")
    splits = read(folder)
    same(splits.train, texts)
    assert splits.problems == []
    same(read(folder / "d0.ann").train, texts[:1])
    same(read(folder / "d0.txt").train, texts[:1])


SCHEMES = {
    "BIO": "BBII",
    "BIOES": "SBIE",
    "BMES": "SBME",
    "BILOU": "UBIL",
}


def conll(text, spans, scheme, *, with_text, separator="\t"):
    """Every character but blanks a token; spans are widened over none."""
    lines = [f"# text = {text}"] if with_text else []
    single, first, middle, last = SCHEMES[scheme]
    for at, token in enumerate(text):
        if token.isspace():
            continue
        cell = "O"
        for start, end, kind in spans:
            places = [at for at in range(start, end) if not text[at].isspace()]
            if at in places:
                is_first, is_last = at == places[0], at == places[-1]
                letter = {(1, 1): single, (1, 0): first, (0, 0): middle, (0, 1): last}
                cell = f"{letter[is_first, is_last]}-{kind}"
        lines.append(f"{token}{separator}{cell}")
    return "\n".join(lines) + "\n\n"


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=30)
@given(st.lists(annotated(nested=False), min_size=1, max_size=3), line_ends)
def test_columns_with_their_text_there_and_back(tmp_path_factory, scheme, texts, newline):
    path = tmp_path_factory.getbasetemp() / "columns.conll"
    save(path, "".join(conll(*one, scheme, with_text=True) for one in texts), newline, "\ufeff")
    splits = read(path)
    wanted = []
    for text, spans in texts:
        places = [
            [at for at in range(start, end) if not text[at].isspace()] for start, end, _ in spans
        ]
        kept = [(p[0], p[-1] + 1, span[2]) for p, span in zip(places, spans, strict=True) if p]
        wanted.append((text, kept))
    same(splits.train, wanted)
    assert splits.problems == []


def test_columns_without_text_join_chinese_solid_and_words_with_blanks(tmp_path):
    rows = [
        ("王 小 明 在 I B M 工 作", "B-PER I-PER I-PER O B-ORG I-ORG I-ORG O O"),
        ("今 天 2 0 0 3 年", "O O O O O O O"),
    ]
    text = "\n\n".join(
        "\n".join(f"{t} {c}" for t, c in zip(a.split(), b.split(), strict=True)) for a, b in rows
    )
    splits = read(save(tmp_path / "characters.bmes", text + "\n"))
    same(
        splits.train,
        [("王小明在IBM工作", [(0, 3, "PER"), (4, 7, "ORG")]), ("今天2003年", [])],
    )
    words = "王小明\tB-PER\n在\tO\nNew\tB-LOC\nYork\tI-LOC\n,\tO\n很\tO\n한국\tB-LOC\n사람\tO\n"
    splits = read(save(tmp_path / "words.txt", words))
    same(
        splits.train,
        [("王小明在New York ,很한국 사람", [(0, 3, "PER"), (4, 12, "LOC"), (15, 17, "LOC")])],
    )
    assert splits.notes == ["words.txt: CoNLL columns, tags BIO (IOB2)"]


def test_emoji_stand_apart_from_words(tmp_path):
    tokens = ["Morty", "😂", "✅", "ok", "很", "😂", "好", "100", "㎡"]
    splits = read(save(tmp_path / "a.conll", "".join(f"{token}\tO\n" for token in tokens)))
    assert splits.train[0]["text"] == "Morty 😂 ✅ ok很😂好100㎡"


def test_places_in_words_behind_characters(tmp_path):
    word = [f"{character}{at}" for at, character in enumerate("abcdefghijkl310")]
    tokens = ["我0", "是1", "10", *word, "越0", "南3", "😀0"]
    text = "".join(f"{token}\tO\n" for token in tokens[:-1]) + f"{tokens[-1]}\tB-X\n"
    splits = read(save(tmp_path / "weibo.train", text))
    same(splits.train, [("我是1abcdefghijkl310越南😀", [(20, 21, "X")])])
    assert "digits behind characters" in splits.notes[0]
    damaged = "".join(f"好{at}\tO\n" for at in range(40)) + "坏\tO\n"
    splits = read(save(tmp_path / "damaged.train", damaged))
    assert splits.train[0]["text"] == "好" * 40 + "坏"
    assert [(problem.line, problem.is_used) for problem in splits.problems] == [(41, True)]
    both = "\ufffd\ufffd"
    same(read(save(tmp_path / "b.train", f"好0\tO\n{both}0\tO\n")).train, [(f"好{both}", [])])
    # One token that could be a place is none among words.
    same(read(save(tmp_path / "words.train", "V0 O\nruns O\n")).train, [("V0 runs", [])])


UNER = """# newdoc id = d
# sent_id = s-1
# text = "Is #1 in New York" , or  not?
1\t"\tO\t-\t-
2\tIs\tO\t-\t-
3\t#1\tO\t-\t-
4\tin\tO\t-\t-
5\tNew York\tB-LOC\t-\tann
6\t"\tO\t-\t-
7\t,\tO\t-\t-
8\tor\tO\t-\t-
9\tnot\tO\t-\t-
10\t?\tO\t-\t-
"""
CONLL_2003 = """-DOCSTART- -X- -X- O

# NN I-NP O
EU NNP I-NP I-ORG
rejects VBZ I-VP O
call NN B-VP I-ORG
call NN I-VP B-ORG
"""


def test_other_columns_counts_comments_and_the_first_line_of_conll_2003(tmp_path):
    (row,) = read(save(tmp_path / "u.iob2", UNER)).train
    assert (row["id"], row["text"]) == ("s-1", '"Is #1 in New York" , or  not?')
    assert [row["text"][a:b] for a, b, _ in spans_of(row)] == ["New York"]
    splits = read(save(tmp_path / "train.txt", CONLL_2003))
    same(
        splits.train,
        [("# EU rejects call call", [(2, 4, "ORG"), (13, 17, "ORG"), (18, 22, "ORG")])],
    )
    assert "IOB1" in splits.notes[0]
    chunks, _ = load_as_is(str(tmp_path / "train.txt"), SPANS, columns={"tag": "3"})
    assert [kind for *_, kind in spans_of(chunks.train[0])] == ["NP", "VP", "VP"]


def test_the_last_of_several_columns_of_tags_is_taken(tmp_path):
    lines = "".join(f"go{n} B-NP O\n" for n in range(9)) + "go9 I-NP B-X\n"
    text = " ".join(f"go{n}" for n in range(10))
    same(read(save(tmp_path / "a.conll", lines)).train, [(text, [(36, 39, "X")])])


@pytest.mark.parametrize("text", ["other words", "good day then", "good, day", "day good"])
def test_a_comment_that_is_not_the_text_is_told_of(tmp_path, text):
    splits = read(save(tmp_path / "a.conll", f"# text = {text}\ngood\tO\nday\tB-X\n"))
    same(splits.train, [("good day", [(5, 8, "X")])])
    (problem,) = splits.problems
    assert (problem.line, problem.is_used) == (1, True)


def test_words_among_characters_keep_their_blanks(tmp_path):
    tokens = [*"今天我们在公司里看了新的手机和电脑" * 6, "iPhone", "4", "S", "Pro", "Max"]
    splits = read(save(tmp_path / "a.bio", "".join(f"{token}\tO\n" for token in tokens)))
    assert splits.train[0]["text"].endswith("电脑iPhone 4S Pro Max")


@pytest.mark.parametrize("name", ["a.txt", "train.data", "a.jsonl"])
@pytest.mark.parametrize("form", ["{}\n{}\n", "[{},\n{}]", "[\n{},\n{}\n]"])
def test_json_of_another_name(tmp_path, name, form):
    row = json.dumps({"text": "in Rome", "entities": [[3, 7, "LOC"]]})
    path = save(tmp_path / name, form.replace("{}", row))
    same(read(path).train, [("in Rome", [(3, 7, "LOC")])] * 2)


BAD_COLUMNS = [
    ("a O\nb B-X\n\nc I-X\nd O\n", [(4, "I-X without a beginning; read as an entity")]),
    ("a O\nb B-X\nO\nd O\n", [(3, "a tag without a token; line left out")]),
    ("a\tO\n\tO\nb\tO\n", [(2, "a tag without a token; line left out")]),
    ("a O\nb\nc O\nd O\n", [(2, "a token without a tag; read as O")]),
    (
        "a O\n" * 20 + "b PER\n",
        [(21, "unknown tag 'PER'; read as O")],
    ),
    ("# text = gone\n\na O\nb B-X\n", [(1, "no tokens; sentence skipped")]),
]


@pytest.mark.parametrize(("content", "problems"), BAD_COLUMNS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_doubtful_lines_of_columns_are_counted(tmp_path, content, problems, newline):
    splits = read(save(tmp_path / "a.conll", content, newline))
    found = [(problem.line, problem.what) for problem in splits.problems]
    assert found == problems
    assert all(problem.file.endswith("a.conll") for problem in splits.problems)


REFUSED = {
    "annotators.conll": ("a O\nb B-X,B-Y\n", r"several annotators at line 2 \(B-X,B-Y\)"),
    "mixed.conll": ("a B-X\nb I-X\n\nc M-X\n", "mixed tag schemes: I-X at line 2, M-X at line 4"),
    "plain.txt": ("good day\nbad night\n", "no column of tags .*'good day'"),
    "words.conll": ("good\nday\n", "no column of tags"),
    "unknown.conll": ("a B-X\nb I-X\n\nc X-Y\n", r"no column of tags \(line 4: 'c X-Y'\)"),
    "mac.conll": ("a B-X\rb I-X\r\rc O\r", "a carriage return within line 1"),
    "binary.conll": ("\0\1\2" * 50, "not a text file"),
    "empty.jsonl": ("", "the file is empty"),
    "other.json": ('[{"a": 1}]', r"unknown structure at line 1 \(no text among 'a'\)"),
    "number.jsonl": ("3\n4\n", "unknown structure at line 1"),
    "triple.json": ('[\n["a", [1, 2]]]', "unknown structure at line 2"),
    "two.json": ('[{"text": "a", "entities": []}]\n[]', "more behind the list that ends at line 1"),
    "broken.json": ('[{"text": "a", ', "broken JSON at line 1"),
    "unlabelled.jsonl": ('{"id": 0, "text": "a"}\n', "First problem, line 1: no entities among"),
    "tasks.json": ('[{"data": {"text": "a"}}]', "First problem, line 1: not annotated"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused(tmp_path, name):
    content, message = REFUSED[name]
    with pytest.raises(UserError, match=message) as caught:
        read(save(tmp_path / name, content))
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def record(*entities, text="0123456789"):
    return {"text": text, "entities": list(entities)}


BAD_RECORDS = [
    (record(named(3, 1, "X")), "span 3-1 ends before it starts; left out"),
    (
        record(named(3, 3, "X")),
        "span 3-3 is empty; left out (are ends inclusive? --inclusive-ends)",
    ),
    (record(named(3, 11, "X")), "span 3-11 lies outside a text of 10 characters; left out"),
    (record(named(-1, 3, "X")), "span -1-3 lies outside a text of 10 characters; left out"),
    (record(named("1", 3, "X")), "a span from '1' to 3, not whole numbers; left out"),
    (record(named(True, 3, "X")), "a span from True to 3, not whole numbers; left out"),
    (record({"start": 1}), "a span from 1 to None, not whole numbers; left out"),
    (record({"start": 1, "end": 3, "labels": []}), "span 1-3 has no type; left out"),
    (record(named(1, 3, " ")), "span 1-3 has no type; left out"),
    (record(named(1, 3, 4)), "span 1-3 has 4 as its type, no text; left out"),
    (
        record(named(2, 4, "X"), {**named(1, 3, "X"), "text": "23"}),
        "span 1-3 should be '23', but '12' stands there; left out",
    ),
    (record(named(1, 3, "X"), named(1, 3, "X")), "X 1-3 stands there twice; one left out"),
]


@pytest.mark.parametrize(("bad", "what"), BAD_RECORDS)
def test_impossible_spans_are_left_out_and_counted(tmp_path, bad, what):
    good = record(named(1, 3, "X"))
    path = save(tmp_path / "a.jsonl", "".join(json.dumps(one) + "\n" for one in (good, bad)))
    splits = read(path)
    assert [(problem.line, problem.what) for problem in splits.problems] == [(2, what)]
    assert splits.problems[0].is_used
    assert len(splits.train) == 2
    assert spans_of(splits.train[0]) == [(1, 3, "X")]
    assert (1, 3, 4) not in spans_of(splits.train[1])


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"text": " ", "entities": []}', "empty text; row skipped"),
        ('{"text": 3, "entities": []}', "no text; row skipped"),
        (
            '{"text": "\\ud800", "entities": []}',
            "half of a surrogate pair in the text; row skipped",
        ),
        ('{"text": "a"}', "no entities among 'text'; row skipped"),
        ('{"text": "a", "label": null}', "'label' is null; row skipped"),
        ('{"text": "a", "entities": 3}', "'entities' is neither a list nor an object; row skipped"),
        ('{"text": "a", "entities": [3]}', "'entities' holds 3, which is no span; row skipped"),
        ('{"text": "a", "entities": [[1]]}', "spans that are not [start, end, type]; row skipped"),
        ('{"text": "a", "label": {"X": 3}}', "'X' is not {mention: [[start, end]]}; row skipped"),
        ("", "empty row; row skipped"),
        ("{", "not valid JSON; row skipped"),
        ('"a"', "neither an object nor a list; row skipped"),
    ],
)
def test_unusable_rows_are_skipped_and_counted(tmp_path, line, what):
    good = json.dumps(record(named(1, 3, "X")))
    splits = read(save(tmp_path / "a.jsonl", f"{good}\n{line}\n{good}\n"))
    assert [(problem.line, problem.what) for problem in splits.problems] == [(2, what)]
    assert not splits.problems[0].is_used
    assert [row["id"] for row in splits.train] == ["a.jsonl:1", "a.jsonl:3"]


def test_ends_of_the_other_kind_are_found_by_the_words_of_the_spans(tmp_path):
    spans = [{**named(1, 2, "X"), "text": "12"}, {**named(5, 8, "X"), "text": "5678"}]
    path = save(tmp_path / "a.jsonl", json.dumps(record(*spans)) + "\n")
    with pytest.raises(UserError, match=r"a\.jsonl:1: 2 spans .* inclusive\. Pass --inclusive-end"):
        read(path)
    assert spans_of(read(path, inclusive_ends=True).train[0]) == [(1, 3, "X"), (5, 9, "X")]
    spans = [{**named(1, 3, "X"), "text": "12"}]
    path = save(tmp_path / "b.jsonl", json.dumps(record(*spans)) + "\n")
    with pytest.raises(UserError, match=r"exclusive\. Leave --inclusive-ends out"):
        read(path, inclusive_ends=True)


def test_a_format_that_says_where_spans_end_makes_the_option_idle(tmp_path):
    path = save(tmp_path / "a.jsonl", json.dumps(cluener("北京大学", [(0, 2, "LOC")])) + "\n")
    splits = read(path, inclusive_ends=True)
    assert spans_of(splits.train[0]) == [(0, 2, "LOC")]
    assert "inclusive_ends" in splits.idle
    own = save(tmp_path / "b.jsonl", json.dumps(record(named(0, 2, "X"))) + "\n")
    assert "inclusive_ends" not in read(own).idle


def test_several_annotations_of_a_task_and_offsets_of_utf16(tmp_path):
    task = label_studio("🙂🙂张三来了", [(2, 4, "PER")], units)
    task["annotations"].append({"result": []})
    splits = read(save(tmp_path / "a.json", json.dumps([task])))
    assert spans_of(splits.train[0]) == [(2, 4, "PER")]
    assert [p.what for p in splits.problems] == ["2 annotations; the first one is used"]
    assert "count UTF-16 units" in splits.notes[-1]


def test_offsets_of_utf16_at_the_end_of_a_text_and_behind_it(tmp_path):
    task = label_studio("9999🙂", [(0, 5, "X")], units)
    assert spans_of(read(save(tmp_path / "a.json", json.dumps([task]))).train[0]) == [(0, 5, "X")]
    value = {"start": 0, "end": 9, "text": "9999🙂", "labels": ["Y"]}
    task["annotations"][1]["result"].append({"value": value})
    splits = read(save(tmp_path / "a.json", json.dumps([task])))
    assert spans_of(splits.train[0]) == [(0, 5, "X")]
    assert ["outside a text of 5" in problem.what for problem in splits.problems] == [True]


def test_offsets_in_hypertext_are_the_global_ones(tmp_path):
    value = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "hypertextlabels": ["LOC"]}
    value |= {"startOffset": 1, "endOffset": 5, "globalOffsets": {"start": 3, "end": 7}}
    task = {"data": {"body": "in Rome"}, "annotations": [{"result": [{"value": value}]}]}
    same(read(save(tmp_path / "a.json", json.dumps([task]))).train, [("in Rome", [(3, 7, "LOC")])])


def test_problems_of_brat(tmp_path):
    save(tmp_path / "a.txt", "张三去了\n北京大学", "\r\n")
    lines = ["T1\tPER 0 2\t张三", "T2\tORG 5 7;8 9\t北京 学", "T3 what", "T4\tORG 5 9\t北京大学"]
    lines += ["T5\tLOC 5 7\t上海", "#1\tnote", "*\tEquiv T1 T2"]
    save(tmp_path / "a.ann", "\n".join(lines))
    save(tmp_path / "lonely.txt", "x")
    save(tmp_path / "b.ann", "T1\tX 0 1\tx")
    save(tmp_path / "none.txt", " ")
    save(tmp_path / "none.ann", "")
    splits = read(tmp_path)
    # The offsets were counted before the line end became two characters.
    assert spans_of(splits.train[0]) == [(0, 2, "PER"), (6, 10, "ORG")]
    assert "tmp" not in splits.notes[-1]
    assert splits.notes[-1].endswith(
        "offsets count line ends as one character; converted to characters"
    )
    assert [(Path(p.file).name, p.line, p.what) for p in splits.problems] == [
        ("b.ann", None, "no text file beside it; skipped"),
        ("lonely.txt", None, "no .ann beside it; skipped"),
        ("a.ann", 3, "no ID, type, start and end; left out"),
        ("none.txt", None, "empty text; document skipped"),
        ("a.ann", 2, "ORG in several pieces; left out"),
        ("a.ann", 5, "span 6-8 should be '上海', but '北京' stands there; left out"),
    ]


@pytest.mark.parametrize("counted", [0, 1])
def test_brat_across_line_ends_and_behind_a_byte_order_mark(tmp_path, counted):
    """brat parts spans at the ends of lines and counts the mark; others do neither."""
    save(tmp_path / "a.txt", "张三去了北京\n大学。", "\r\n", "\ufeff")
    places = [f"{a + counted} {b + counted}" for a, b in ((0, 2), (4, 6), (8, 10))]
    lines = [f"T1\tPER {places[0]}\t张三", f"T2\tORG {places[1]};{places[2]}\t北京 大学"]
    lines.append(f"T3\tX {places[0]};{places[2]}")
    save(tmp_path / "a.ann", "\n".join(lines))
    splits = read(tmp_path)
    assert spans_of(splits.train[0]) == [(0, 2, "PER"), (4, 10, "ORG")]
    assert [problem.what for problem in splits.problems] == ["X in several pieces; left out"]


def test_annotations_without_a_text_are_refused(tmp_path):
    save(tmp_path / "a.ann", "T1\tX 0 1\tx")
    with pytest.raises(UserError, match=r"a\.txt: cannot be read: No such file"):
        read(tmp_path / "a.ann")
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match=r"a\.txt: cannot be read: Is a directory"):
        read(tmp_path / "a.ann")


def test_a_long_document_and_many_types(tmp_path):
    text = "北京e\u0301🙂" * 4000
    spans = [(5 * n, 5 * n + 2, f"T{n % 60}") for n in range(4000)]
    record = {"text": text, "entities": [list(span) for span in spans]}
    splits = read(save(tmp_path / "a.jsonl", json.dumps(record) + "\n"))
    same(splits.train, [(text, spans)])


@pytest.mark.parametrize(
    ("name", "content", "columns", "idle"),
    [
        ("a.jsonl", '{"t": "张伟来", "e": [[0, 2, "PER"]]}', {"text": "t", "entities": "e"}, "tag"),
        ("a.conll", "x\t张\tB-PER\tO\nx\t伟\tI-PER\tO\n", {"token": "2", "tag": "3"}, "text"),
    ],
)
def test_names_of_fields_are_flags_and_those_of_other_formats_have_no_effect(
    tmp_path, name, content, columns, idle
):
    (tmp_path / name).write_text(content, encoding="utf-8")
    flags = {f"{field}_column": value for field, value in columns.items()}
    config = EntitiesConfig(data=f"./{name}", **flags)
    assert config.columns() == columns
    splits, _ = load_as_is(str(tmp_path / name), SPANS, columns=config.columns())
    assert [spans_of(row) for row in splits.train] == [[(0, 2, "PER")]]
    assert f"{idle}_column" in splits.idle
    assert not {f"{field}_column" for field in columns} & set(splits.idle)


def test_the_hub_holds_no_entities_that_are_read():
    with pytest.raises(UserError, match="no dataset of the hub is read for entities"):
        load_as_is("hf:somebody/entities", SPANS)
