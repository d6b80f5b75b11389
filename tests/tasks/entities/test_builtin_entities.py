"""The built-in entity model: its size, its card, what it finds in sentences written for this."""

from __future__ import annotations

import pytest

from nlpcl import tasks
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin

BUILTIN = tasks.spec("entities").builtin
assert BUILTIN is not None
FOLDER = BUILTIN.weights.parent
MOST_BYTES = 8_000_000


@pytest.fixture(scope="module")
def builtin():
    return open_builtin(tasks.spec("entities"), choose_machine("cpu", "fp32"))


def found(model, text, **options):
    (row,) = model.stream([text], **options)
    for entity in row["entities"]:
        assert row["text"][entity["start"] : entity["end"]] == entity["text"]
        assert 0 < entity["probability"] <= 1
    return [(entity["text"], entity["type"]) for entity in row["entities"]]


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("张伟上周去了北京大学。", [("张伟", "PER"), ("北京大学", "ORG")]),
        ("張偉上週去了北京大學。", [("張偉", "PER"), ("北京大學", "ORG")]),
        ("他出生于四川省。", [("四川省", "LOC")]),
        ("Maria Jensen moved from Oslo to Canada.", None),
        ("今天的天气很好，我们去散步吧。", []),
        ("Please close the window before you leave.", []),
        ("", []),
    ],
)
def test_everyday_sentences(text, entities, builtin):
    if entities is None:
        entities = [("Maria Jensen", "PER"), ("Oslo", "LOC"), ("Canada", "LOC")]
    assert found(builtin, text) == entities


def test_sentences_in_one_text_are_found_as_alone(builtin):
    sentences = [
        "张伟上周去了北京大学。",
        "今天的天气很好。",
        "王芳在上海工作。",
        "我们吃了面条。",
    ] * 10
    alone = [entity for sentence in sentences for entity in found(builtin, sentence)]
    together = found(builtin, "".join(sentences))
    assert len(alone) >= 40
    assert len(set(together) - set(alone)) <= 1
    assert sum(entity in alone for entity in together) >= 0.9 * len(alone)


def test_it_is_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES


def test_the_card_names_terms_sources_and_numbers():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for words in (
        *("CC BY-SA 4.0", "CC BY 4.0", "CC BY-SA 3.0", "Universal NER", "WNUT", "Weibo"),
        *("uner-zh", "uner-zh-simplified", "uner-en", "wnut17", "weibo"),
        *("benchmarks/entities.py", "tools/pack_entity_model.py", "What it cannot do"),
    ):
        assert words in card, words
