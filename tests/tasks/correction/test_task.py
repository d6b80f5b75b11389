"""Spelling correction with a real model: encoding, decoding, and the contract for any text."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nlpcl
from nlpcl.core.errors import UserError
from nlpcl.nn.model import ZooConfig
from nlpcl.tasks.correction.task import Correction
from nlpcl.text.characters import is_han
from nlpcl.zoo.sdcl.config import Config


@pytest.fixture(scope="module")
def run(finished_run):
    return nlpcl.load(finished_run, device="cpu", precision="fp32")


@pytest.fixture
def task(run):
    return run.task


PIECES = [
    *"今天天气很好我再家里坐饭的地得一〇、。！？；,.!?\n\r\t aZ09ＡＢ１éñﬁ“”‘’—…「」",
    *["\u3000", "\u200b", "\u200d", "\ufe0f", "\ufeff", "\u0301", "\u2028", "\x00", "\x1b", "\x85"],
    *["😀", "👨‍👩‍👧", "🇨🇳", "e\u0301", "𠀀", "𪚥", "\U0002f800", "\uf900", "々", "⼀", "か", "한"],
    *["[MASK]", "[UNK]", "[CLS]", "##好", "<s>", "\ud800"],
    "再" * 70,
]
TEXTS = st.lists(
    st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=25
).map("".join)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_any_text_keeps_its_length_and_all_but_han(run, texts):
    rows = run.predict(texts)
    every = run.predict(texts, threshold=0.0)
    singles = [run.predict([text], threshold=0.0)[0] for text in texts]
    for text, row, whole, single in zip(texts, rows, every, singles, strict=True):
        assert row["source"] == whole["source"] == text
        for result in (row, whole):
            assert len(result["target"]) == len(text)
            characters = list(text)
            for edit in result["edits"]:
                assert characters[edit["position"]] == edit["wrong"] != edit["right"]
                assert is_han(edit["wrong"])
                assert is_han(edit["right"])
                characters[edit["position"]] = edit["right"]
            assert "".join(characters) == result["target"]
        kept = {(edit["position"], edit["right"]) for edit in row["edits"]}
        assert kept <= {(edit["position"], edit["right"]) for edit in whole["edits"]}
        assert single["target"] == whole["target"]


def test_the_tiny_model_does_change_text(run, pairs):
    """Else the test above would hold for a model that never changes anything."""
    rows = run.predict([wrong for wrong, _ in pairs], threshold=0.0)
    assert sum(len(row["edits"]) for row in rows) > len(pairs)


def test_one_id_a_character_between_two_special_tokens(task):
    (feature,) = task.encode_text("我再a家。", 5)
    assert len(feature["input_ids"]) == 7
    assert feature["input_ids"][0] == task.ids.start
    assert feature["input_ids"][-1] == task.ids.end
    assert feature["row"] == 5
    text = [task.ids.characters[index] for index in feature["input_ids"][1:-1]]
    assert text == list("我再a家。")


def test_what_a_model_does_not_see_has_no_id(task):
    (feature,) = task.encode_text("我 \u200b再\ufe0f家\n", 0)
    assert feature["characters"] == list("我再家")
    assert feature["positions"] == [0, 3, 5]
    assert task.encode_text(" \n\t\u200b", 0) == []
    assert task.encode_text("", 0) == []


@pytest.mark.parametrize(
    ("character", "known_as"),
    [("家", "家"), ("Ａ", None), ("C", "c"), ("“", "“"), ("１", "1"), ("魑", None), ("😀", None)],
)
def test_unknown_characters_are_looked_up_in_plainer_forms(task, character, known_as):
    index = task.ids(character)
    assert index == (task.ids.unknown if known_as is None else task.ids.vocabulary[known_as])


def test_long_texts_are_split_and_every_place_is_read_once(task):
    text = "我在家里做饭，他坐车去学校。" * 30
    features = task.encode_text(text, 0)
    assert len(features) > 1
    assert all(len(feature["input_ids"]) <= task.limit + 2 for feature in features)
    assert [p for feature in features for p in feature["positions"]] == list(range(len(text)))


def test_a_sentence_is_read_alone_wherever_it_stands(task):
    one, two = "“我再家里。”", "他坐车去学校！！"
    joined = task.encode_text(one + two + one, 0)
    assert ["".join(feature["characters"]) for feature in joined] == [one, two, one]
    assert joined[0]["input_ids"] == joined[2]["input_ids"]
    assert joined[2]["positions"] == list(range(len(one + two), len(one + two + one)))


def test_a_sentence_that_does_not_tell_its_script_has_that_of_its_text(task):
    texts = ["他去公园。我在家。", "他去公園。我在家。", "我在家。", "他去公园。他去公園。我在家。"]
    scripts = [[int(one["script"]) for one in task.encode_text(text, 0)] for text in texts]
    assert scripts == [[1, 1], [2, 2], [0], [1, 2, 3]]


def test_joined_texts_get_the_edits_of_each_alone(run, pairs):
    sentences = [f"{wrong}。" for wrong, _ in pairs]
    alone = "".join(row["target"] for row in run.predict(sentences, threshold=0.0))
    (joined,) = run.predict(["".join(sentences)], threshold=0.0)
    assert alone == joined["target"] != joined["source"]
    (twice,) = run.predict(["".join(sentences * 2)], threshold=0.0)
    assert twice["target"] == alone * 2


def test_no_target_depends_on_the_batch(finished_run, pairs, monkeypatch):
    """In bf16 scores differ with the batch; so each edit's probability is made the threshold."""
    rough = nlpcl.load(finished_run, device="cpu", precision="bf16")
    exact = rough.task.finder.candidates.best
    precisions = set()

    def best(scores, written, scripts, judge=None):
        precisions.add("bf16" if torch.is_autocast_enabled("cpu") else "fp32")
        if torch.is_autocast_enabled("cpu"):
            generator = torch.Generator().manual_seed(len(scores))
            scores = scores + 0.2 * (torch.rand(scores.shape, generator=generator) - 0.5)
        return exact(scores, written, scripts, judge)

    monkeypatch.setattr(rough.task.finder.candidates, "best", best)
    texts = [wrong for wrong, _ in pairs[:8]]

    def targets(threshold: float) -> tuple[list[str], list[str]]:
        together = rough.predict(texts, threshold=threshold)
        alone = [rough.predict([text], threshold=threshold)[0] for text in texts]
        return [row["target"] for row in together], [row["target"] for row in alone]

    edits = [edit for row in rough.predict(texts, threshold=0.0) for edit in row["edits"]]
    differ = 0
    for threshold in [0.0, *(edit["probability"] for edit in edits[:12])]:
        together, alone = targets(threshold)
        assert together == alone
        with monkeypatch.context() as patch:
            patch.setattr("nlpcl.tasks.correction.task.is_close", lambda *_: False)
            together, alone = targets(threshold)
            differ += together != alone
    assert differ  # else this would show nothing
    assert precisions == {"bf16", "fp32"}


def test_labels_stand_at_characters_only(task):
    (feature,) = task.encode([{"source": "我 再家。", "target": "我 在家。"}])
    labels = feature["labels"]
    assert len(labels) == len(feature["input_ids"]) == 6
    assert labels[0] == labels[-1] == -100
    assert [task.ids.characters[label] for label in labels[1:-1]] == list("我在家。")


def test_a_right_character_that_the_vocabulary_lacks_is_not_learned(task):
    (feature,) = task.encode([{"source": "我再家", "target": "我魑家"}])
    assert [task.ids.characters[label] for label in feature["labels"][1:-1]] == list("我再家")


def test_pairs_of_unequal_length_get_no_labels(task):
    features = task.encode([{"source": "我再家", "target": "我在"}])
    assert "labels" not in features[0]
    batch = task.collate(features)
    assert set(batch) == {"input_ids", "attention_mask"}


def test_collating_pads_with_what_is_not_read(task):
    rows = [{"source": "我再家", "target": "我在家"}, {"source": "好", "target": "好"}]
    batch = task.collate(task.encode(rows))
    assert {name: tuple(value.shape) for name, value in batch.items()} == dict.fromkeys(
        ("input_ids", "attention_mask", "labels"), (2, 5)
    )
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert batch["input_ids"][1, 3:].tolist() == [task.ids.pad] * 2
    assert batch["labels"][1].tolist() == [-100, task.ids("好"), -100, -100, -100]


def decoded(task, text, wanted):
    """The edits where the model's scores favour ``wanted``: {position: {token: score}}."""
    from nlpcl.nn.model import Output

    features = task.encode_text(text, 0)
    batch = task.collate(features)
    logits = torch.zeros(*batch["input_ids"].shape, max(task.ids.vocabulary.values()) + 1)
    logits.scatter_(-1, batch["input_ids"].unsqueeze(-1), 5.0)
    for place, scores in wanted.items():
        for token, score in scores.items():
            logits[0, place + 1, task.ids.vocabulary[token]] = score
    (edits,) = task.decode(Output(logits=logits), batch, features)
    return edits


def test_decoding_by_hand(task):
    (edit,) = decoded(task, "我再家", {1: {"在": 9.0, "再": 0.0}})
    assert (edit.position, edit.wrong, edit.right) == (1, "再", "在")
    size = max(task.ids.vocabulary.values()) + 1
    scores = torch.zeros(size)
    scores[0] = 9.0
    assert edit.probability == pytest.approx(float(scores.softmax(-1)[0]), rel=1e-4)
    assert decoded(task, "我再家", {}) == []


def test_places_that_are_sure_to_stay_cost_nothing_and_scores_are_not_changed(task, monkeypatch):
    from nlpcl.nn.model import Output

    sizes = []
    exact = task.finder.candidates.best
    monkeypatch.setattr(
        task.finder.candidates, "best", lambda *rows: sizes.append(len(rows[0])) or exact(*rows)
    )
    features = task.encode_text("我再家", 0)
    batch = task.collate(features)
    logits = torch.rand(*batch["input_ids"].shape, max(task.ids.vocabulary.values()) + 1)
    logits.scatter_(-1, batch["input_ids"].unsqueeze(-1), 5.0)
    logits[0, 2, task.ids("在")] = 4.9
    before = logits.clone()
    ((edit,),) = task.decode(Output(logits=logits), batch, features)
    assert sizes == [1]
    assert torch.equal(logits, before)
    assert (edit.right, edit.lead) == ("在", pytest.approx(-0.1, abs=1e-5))


@pytest.mark.parametrize("token", ["[MASK]", "[UNK]", "a", "。", "1"])
def test_only_han_is_written(task, token):
    """Where something else is best, the best Han character counts, and often that is the old."""
    assert decoded(task, "我再家", {1: {token: 9.0}}) == []
    (edit,) = decoded(task, "我再家", {1: {token: 9.0, "在": 8.0}})
    assert edit.right == "在"
    assert edit.probability < 0.5


@pytest.mark.parametrize("text", ["a", "1", "。", "魑", "😀"])
def test_only_known_han_is_replaced(task, text):
    assert decoded(task, text, {0: {"在": 9.0}}) == []


def test_scores_of_no_token_are_left_out(task):
    """Some encoders have more rows of scores than the tokenizer has tokens."""
    from nlpcl.nn.model import Output

    features = task.encode_text("我再家", 0)
    batch = task.collate(features)
    size = max(task.ids.vocabulary.values()) + 1
    logits = torch.zeros(*batch["input_ids"].shape, size + 7)
    logits[..., -1] = 9.0
    logits.scatter_(-1, batch["input_ids"].unsqueeze(-1), 5.0)
    assert task.decode(Output(logits=logits), batch, features) == [[]]


def test_streaming_is_lazy_and_ordered(run):
    taken = []

    def texts():
        for number in range(10):
            taken.append(number)
            yield "我再家"[: number % 3 + 1]

    rows = run.predictor.stream(texts(), chunk_size=2)
    first = next(rows)
    assert first["source"] == "我"
    assert len(taken) <= 3
    assert [row["source"] for row in rows] == ["我再家"[: n % 3 + 1] for n in range(1, 10)]


def test_a_vocabulary_without_han_is_refused():
    from transformers import BertConfig, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##s"]
    tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(words)})
    with pytest.raises(UserError, match="no single Han characters"):
        Correction(tokenizer, Config(max_length=32), ZooConfig(BertConfig()))


def test_coverage_of_the_training_text(task):
    task.begin([{"source": "我在家里做饭", "target": ""}])
    task.begin([{"source": "no Han at all", "target": ""}])
    with pytest.raises(UserError, match="33 % of the Han characters"):
        task.begin([{"source": "我魑魍", "target": ""}])


def test_dev_scores_prefer_f1_and_break_ties_by_loss(run):
    examples = [{"source": "我再家", "target": "我在家"}, {"source": "好的", "target": "好的"}]
    rows = run.task.encode(examples)
    scores = run.task.dev_scores(run.model, rows, "fp32")
    gap = scores["correction_f1"] - scores["selection"]
    assert 0 < gap <= 0.1
    assert gap == pytest.approx(scores["loss"] / 1000)


@pytest.mark.parametrize("kind", ["bert", "roberta", "albert", "electra", "distilbert"])
def test_every_kind_of_encoder_reads_its_whole_length(kind, tiny_encoder, run_main):
    """The longest text allowed must not run out of positions."""
    result = run_main(
        "predict", "spelling", "我再家里" * 40, "--checkpoint", tiny_encoder(kind),
        "--assume-tuned", "--format", "text", "--threshold", "0",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert len(result.out.strip()) == 160


def test_scores_count_characters_outside_the_vocabulary(run):
    rows = [{"id": "1", "source": "我再𪚥家", "target": "我在𪚥家"}]
    report, predictions = run.task.evaluate(run.model, rows, "fp32", "")
    assert report.metrics["n_unknown_characters"] == 1
    assert ["characters outside the vocabulary, left alone", 1] in report.tables[1].rows
    assert predictions[0]["target"][2] == "𪚥"


def forwarded(run, monkeypatch):
    """The ids that reach the encoder, a tensor a batch; fills while the model is used."""
    seen = []
    encode = type(run.model).encode

    def noted(model, input_ids, attention_mask):
        seen.append(input_ids)
        return encode(model, input_ids, attention_mask)

    monkeypatch.setattr(type(run.model), "encode", noted)
    return seen


def test_what_holds_no_known_han_does_not_reach_the_model(run, monkeypatch):
    seen = forwarded(run, monkeypatch)
    texts = ["only Latin, 1", "", "魑", "我再家", "。"]
    rows = run.predict(texts, threshold=0.0)
    assert [row["source"] for row in rows] == texts
    assert [tuple(ids.shape) for ids in seen] == [(1, 5)]


def test_scores_are_made_at_han_characters_alone(run, monkeypatch):
    counts = []
    scores_at = type(run.model).scores_at

    def noted(model, input_ids, attention_mask, places):
        pieces = list(scores_at(model, input_ids, attention_mask, places))
        counts.append(sum(map(len, pieces)))
        return iter(pieces)

    monkeypatch.setattr(type(run.model), "scores_at", noted)
    run.predict(["我再a家。", "b好"])
    assert counts == [4]


def test_groups_do_not_change_an_answer(run, monkeypatch):
    from nlpcl.text import segments as module

    texts = ["我再家。他坐车去学校", "a", "", "好的", "我在家里做饭，他再车上。" * 30, "我再家"]
    whole = run.predict(texts, threshold=0.0)
    assert any(row["edits"] for row in whole)
    seen = forwarded(run, monkeypatch)
    monkeypatch.setattr(module, "CHARACTERS", 1)
    assert [row["target"] for row in run.predict(texts, threshold=0.0)] == [
        row["target"] for row in whole
    ]
    assert all(len(ids) == 1 for ids in seen)  # one segment at a time, of the long text too


def test_groups_end_with_the_item_that_fills_them(monkeypatch):
    from nlpcl.text import segments as module

    monkeypatch.setattr(module, "CHARACTERS", 5)
    texts = ["abc", "de", "f", "ghijkl", "m", "n", "o"]
    assert list(module.bounded(texts, len, most=2)) == [
        ["abc", "de"], ["f", "ghijkl"], ["m", "n"], ["o"]
    ]  # fmt: skip
    assert list(module.bounded([], len)) == []
