"""A language model beside a corrector: what it adds to a change, and files that are none."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
import torch

from nlpcl.core.errors import UserError
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin
from nlpcl.tasks import spec
from nlpcl.tasks.correction.candidates import Candidates
from nlpcl.tasks.correction.config import CorrectOptions
from nlpcl.tasks.correction.language_model import AROUND, LanguageModel, reason
from nlpcl.text.script import Script

ARPA = """\\data\\
ngram 1=9
ngram 2=2

\\1-grams:
-2.0\t<unk>
-99\t<s>\t-0.5
-1.0\t</s>
-0.5\t我\t-0.2
-0.7\t的
-0.9\t一
-0.9\t是\t-0.1
-1.1\t不
-1.5\t在

\\2-grams:
-0.2\t<s> 我
-0.3\t我 是

\\end\\
"""


class Counting:
    """Stands in for kenlm: a text has the logarithm -1 a character, and 2 more for each 杯."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool, bool]] = []

    def __contains__(self, word: str) -> bool:
        return word != "猫"

    def score(self, text: str, bos: bool = True, eos: bool = True) -> float:
        self.asked.append((text, bos, eos))
        return 2.0 * text.count("杯") - len(text.split())


def test_a_change_gets_what_the_text_gains():
    model = LanguageModel(Counting(), 0.5)
    assert model.gains("喝一背水", 2, ["杯", "北"]) == pytest.approx([math.log(10), 0.0])
    assert model.gains("喝一杯水", 2, ["背"]) == pytest.approx([-math.log(10)])


def test_what_the_model_lacks_gets_nothing():
    model = LanguageModel(Counting(), 0.5)
    assert model.gains("喝一背水", 2, ["猫", "杯"]) == pytest.approx([0.0, math.log(10)])
    assert model.gains("喝一猫水", 2, ["杯"]) == [0.0]


def test_it_sees_some_characters_around_and_the_ends_of_the_sentence():
    sentence = "零一二三四五六七八九十百千万"
    for place in range(len(sentence)):
        counting = Counting()
        LanguageModel(counting, 1.0).gains(sentence, place, ["杯"])
        around = sentence[max(0, place - AROUND) : place + AROUND + 1]
        ends = place <= AROUND, place + AROUND >= len(sentence) - 1
        assert counting.asked[0] == (" ".join(around), *ends)
        assert len(counting.asked) == 2


VOCABULARY = [*"喝一背杯北水被辈"]
"""Ids are places."""


def changes(row: list[float], gain: float, gains_for: str = "杯") -> str:
    """What becomes of 背, whose scores are a row, where one character gains."""
    candidates = Candidates(dict(enumerate(VOCABULARY)), len(VOCABULARY))

    def gains(places: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        assert places.tolist() == [0]
        assert VOCABULARY.index("背") not in others[0].tolist()
        return (others == VOCABULARY.index(gains_for)) * gain

    scores, written = torch.tensor([row]), torch.tensor([VOCABULARY.index("背")])
    scripts = torch.tensor([Script.EITHER])
    where, best, probability, lead = candidates.changes(
        scores.clone(), written, scripts, None, gains
    )
    if not len(where) or float(lead[0]) <= 0:
        return "背"
    raised = scores[0].clone()
    raised[VOCABULARY.index(gains_for)] += gain
    assert float(probability[0]) == pytest.approx(float(raised.softmax(0).max()), rel=1e-5)
    return VOCABULARY[int(best[0])]


def test_its_word_counts_beside_the_score():
    row = [-9.0, -9.0, 1.0, 0.0, 0.5, -9.0, -9.0, -9.0]
    assert changes(row, 0.0) == "背"
    assert changes(row, 0.9) == "背"
    assert changes(row, 1.1) == "杯"
    assert changes(row, 1.1, gains_for="北") == "北"
    assert changes([*row[:2], 0.2, *row[3:]], -9.0) == "北"


def test_the_packages_corrector_listens_to_it(monkeypatch):
    corrector = open_builtin(spec("correction"), choose_machine("cpu", "fp32"))
    texts = ["我想喝一背咖啡", "今天天气很好。"]
    read = []
    monkeypatch.setattr(
        LanguageModel, "read", lambda *given: read.append(given) or LanguageModel(Counting(), 1.0)
    )
    plain, other = (
        [row["target"] for row in corrector.stream(texts, threshold=0.97, **chosen)]
        for chosen in ({}, {"lm": "zh.arpa", "lm_weight": 0.7})
    )
    assert plain == texts  # 杯 has 0.95
    assert other == ["我想喝一杯咖啡", texts[1]]
    assert set(read) == {(Path("zh.arpa"), 0.7)}


def test_options(tmp_path):
    with pytest.raises(UserError, match="--lm-weight: has no effect"):
        CorrectOptions(lm_weight=0.5).check()
    with pytest.raises(UserError, match="lm-weight"):
        CorrectOptions(lm=str(tmp_path / "x.arpa"), lm_weight=0.0).check()
    assert CorrectOptions().check().language_model is None


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(UserError, match=r"--lm: needs the kenlm package.*pip install"):
        CorrectOptions(lm=str(tmp_path / "x.arpa")).check()


def test_reasons_are_told_without_source_lines():
    long = (
        "Cannot read model 'x.arpa' (lm/read_arpa.cc:65 in void lm::Read(util::FilePiece&, "
        'std::vector<long unsigned int>&) threw FormatLoadException. first line was "a" not b. '
        "Byte: 5)"
    )
    assert reason(long) == 'first line was "a" not b. Byte: 5'
    assert reason("Cannot read model 'e.arpa' (End of file Byte: 0)") == "End of file Byte: 0"
    assert reason("no brackets") == "no brackets"


def test_a_file_is_read_with_kenlm(tmp_path):
    pytest.importorskip("kenlm", reason="the kenlm package is not installed")
    path = tmp_path / "a.arpa"
    path.write_text(ARPA, encoding="utf-8")
    model = LanguageModel.read(path, 2.0)
    # <s> 我 是 </s>: -0.2 - 0.3 - (0.1 + 1.0); <s> 我 的 </s>: -0.2 - (0.2 + 0.7) - 1.0
    (gain,) = model.gains("我的", 1, ["是"])
    assert gain == pytest.approx(2.0 * math.log(10) * (-1.6 + 2.1), rel=1e-4)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "is no file"),
        (b"", "End of file"),
        (b"hello\n", "not .data."),
        (ARPA[:150].encode(), "cannot be read"),
        (b"mmap lm http://kheafield.com/code format version 5\n\0" + b"x" * 200, "mmap"),
        (ARPA.replace("的", "ab").encode(), "no language model of Chinese characters"),
    ],
)
def test_files_that_are_no_model_of_characters(content, what, tmp_path: Path):
    pytest.importorskip("kenlm", reason="the kenlm package is not installed")
    path = tmp_path / "a.arpa"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"a.arpa: .*{what}.*ARPA"):
        LanguageModel.read(path, 1.0)
