from __future__ import annotations

import re

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data.sgml import Mismatch, Mistake, place, read_sgml
from nlpcl.data.truth import read_truth

ESSAY = """<ESSAY title="寫信">
<TEXT>
<PASSAGE id="B1-01-1">我覺得他門很煩腦，旁遍的人也一遍走一遍看。</PASSAGE>
<PASSAGE id="B1-01-2">今天很好。</PASSAGE>
</TEXT>
<MISTAKE id="B1-01-1" location="5">
<WRONG>他門</WRONG>
<CORRECTION>他們</CORRECTION>
</MISTAKE>
<MISTAKE id="B1-01-1" location="8">
<WRONG>煩腦</WRONG>
<CORRECTION>煩惱</CORRECTION>
</MISTAKE>
<MISTAKE id="B1-01-1" location="19">
<WRONG>一遍</WRONG>
<CORRECTION>一邊</CORRECTION>
</MISTAKE>
</ESSAY>
"""

DOC = """<DOC Nid="00001">
<P>我看過勇敢的人，不怕措折。 </P>
<TEXT>
<MISTAKE wrong_position=11>
<WRONG>措折</WRONG>
<CORRECT>挫折</CORRECT>
</MISTAKE>
</TEXT>
</DOC>

<DOC Nid="10001">
<P>天空很藍。</P>
<TEXT>
<MISTAKE wrong_position=0>
<wrong></wrong>
<correct></correct>
</MISTAKE>
</TEXT>
</DOC>
"""

SENTENCE = """<SENTENCE>
  <TEXT>洗碗你来看我。</TEXT>
  <MISTAKE>
    <LOCATION>1</LOCATION>
    <WRONG>洗</WRONG>
    <CORRECTION>希</CORRECTION>
  </MISTAKE>
  <MISTAKE>
    <LOCATION>2</LOCATION>
    <WRONG>碗</WRONG>
    <CORRECTION>望</CORRECTION>
  </MISTAKE>
</SENTENCE>
"""


def targets(path, problems):
    return {row["id"]: row["target"] for row in read_sgml(path, problems)}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            ESSAY,
            {
                "B1-01-1": "我覺得他們很煩惱，旁遍的人也一遍走一邊看。",
                "B1-01-2": "今天很好。",
            },
        ),
        (DOC, {"00001": "我看過勇敢的人，不怕挫折。", "10001": "天空很藍。"}),
        (SENTENCE, {"a.sgml:1": "希望你来看我。"}),
    ],
)
def test_three_dialects_of_sgml(tmp_path, content, expected):
    problems = []
    path = tmp_path / "a.sgml"
    path.write_text(content, encoding="utf-8")
    assert targets(path, problems) == expected
    assert problems == []
    path.write_bytes(content.replace("\n", "\r\n").encode("utf-8-sig"))
    assert targets(path, problems) == expected
    lower = re.sub(r"</?[A-Z]+", lambda tag: tag.group().lower(), content)
    path.write_text(lower, encoding="utf-8")
    assert targets(path, problems) == expected


def test_a_repeated_annotation_of_a_word_gives_one_correction(tmp_path):
    path = tmp_path / "a.sgml"
    mistake = '<MISTAKE id="x" location="{}"><WRONG>還想</WRONG><CORRECTION>好像</CORRECTION>'
    mistakes = "".join(mistake.format(at) + "</MISTAKE>" for at in (2, 3))
    path.write_text(
        f'<ESSAY><TEXT><PASSAGE id="x">我還想去。</PASSAGE></TEXT>{mistakes}</ESSAY>',
        encoding="utf-8",
    )
    assert targets(path, []) == {"x": "我好像去。"}


@pytest.mark.parametrize(
    ("old", "new", "said", "kept"),
    [
        ('location="5"', 'location="1"', "put on its only occurrence", 2),
        ("<WRONG>他門", "<WRONG>她門", "is not in the sentence; sentence skipped", 1),
        ('location="19"', 'location="2"', "which stands elsewhere; sentence skipped", 1),
        ('location="8"', 'location="x"', "is incomplete; sentence skipped", 1),
        ("<CORRECTION>煩惱</CORRECTION>", "", "is incomplete; sentence skipped", 1),
        ('<MISTAKE id="B1-01-1" location="5">', '<MISTAKE id="no" location="5">', "of no is", 2),
        ("</ESSAY>", "", "never closed", 0),
    ],
)
def test_annotations_that_do_not_fit_are_reported(tmp_path, old, new, said, kept):
    path = tmp_path / "a.sgml"
    path.write_text(ESSAY.replace(old, new, 1) + ESSAY.replace("B1-01", "C1"), encoding="utf-8")
    problems = []
    rows = read_sgml(path, problems)
    assert [row["id"] for row in rows][kept:] == ["C1-1", "C1-2"]
    assert len(problems) == 1
    assert re.search(said, problems[0].what)
    assert problems[0].line is not None


def test_two_corrections_for_one_character_are_refused(tmp_path):
    path = tmp_path / "a.sgml"
    second = SENTENCE.replace("<LOCATION>2", "<LOCATION>1").replace("碗</W", "洗</W")
    path.write_text(second, encoding="utf-8")
    problems = []
    assert read_sgml(path, problems) == []
    assert "two corrections for location 1" in problems[0].what


def test_a_correction_of_another_length_is_kept_as_it_is(tmp_path):
    path = tmp_path / "a.sgml"
    path.write_text(SENTENCE.replace("碗</W", "碗你</W"), encoding="utf-8")
    assert targets(path, []) == {"a.sgml:1": "希望来看我。"}


def test_a_file_without_blocks_is_refused(tmp_path):
    path = tmp_path / "a.sgml"
    path.write_text("<html>", encoding="utf-8")
    with pytest.raises(UserError, match="no <ESSAY>, <DOC> or <SENTENCE>"):
        read_sgml(path, [])


def test_place_prefers_the_changed_character():
    # 旁 at 3 and 5: location 4 lies in both 哈哈 strings, but changes only one of them.
    assert place("哈哈哈", Mistake(2, "哈哈", "啊哈", 1)) == (1, True)
    assert place("哈哈哈", Mistake(2, "哈哈", "哈啊", 1)) == (0, True)
    with pytest.raises(Mismatch):
        place("天天的天天", Mistake(3, "天天", "夭天", 1))


def write_official(folder, truth="A-1, 2, 們, 5, 坐\nA-2, 0\n"):
    inputs = "(pid=A-1)\t我門一起座車。\n(pid=A-2)\t很好。\n"
    (folder / "SIGHAN15_CSC_TestInput.txt").write_text(inputs, encoding="utf-8")
    (folder / "SIGHAN15_CSC_TestTruth.txt").write_text(truth, encoding="utf-8")
    return folder / "SIGHAN15_CSC_TestInput.txt", folder / "SIGHAN15_CSC_TestTruth.txt"


def test_truth_file(tmp_path):
    problems = []
    rows = read_truth(*write_official(tmp_path), problems)
    assert [(row["id"], row["target"]) for row in rows] == [
        ("A-1", "我們一起坐車。"),
        ("A-2", "很好。"),
    ]
    assert problems == []


@pytest.mark.parametrize(
    ("truth", "said", "kept"),
    [
        ("A-1, 2, 們\n", "A-2 is not in", ["A-1"]),
        ("A-1, 40, 們\nA-2, 0\n", "beyond the sentence's end", ["A-2"]),
        ("A-1, 0, 們\nA-2, 0\n", "beyond the sentence's end", ["A-2"]),
        ("A-1, 2\nA-2, 0\n", "not pairs of location and character", ["A-2"]),
        ("A-1, 0\nA-2, 0\nA-3, 0\n", "A-3 is not in", ["A-1", "A-2"]),
    ],
)
def test_truth_that_does_not_fit_is_reported(tmp_path, truth, said, kept):
    problems = []
    rows = read_truth(*write_official(tmp_path, truth), problems)
    assert [row["id"] for row in rows] == kept
    assert said in " | ".join(problem.what for problem in problems)


def test_2013_input_line(tmp_path):
    inputs, truth = tmp_path / "i.txt", tmp_path / "t.txt"
    inputs.write_text("(NID=00401) 遇到逆竟。\nnonsense\n", encoding="utf-8")
    truth.write_text("00401, 4, 境\n", encoding="utf-8")
    problems = []
    assert read_truth(inputs, truth, problems)[0]["target"] == "遇到逆境。"
    assert problems[0].line == 2


def test_parallel_files_before_others_and_copies_named(tmp_path):
    for folder in ("csc/sighan", "other/copy"):
        place_ = tmp_path / folder
        place_.mkdir(parents=True)
        for part in ("train", "test"):
            (place_ / f"{part}15_error.txt").write_text(f"{part}我门。\n好。\n", encoding="utf-8")
            (place_ / f"{part}15_correct.txt").write_text(f"{part}我们。\n好。\n", encoding="utf-8")
    (tmp_path / "15test.txt").write_text("1\t他门\t他们\n", encoding="utf-8")
    splits = corpora.dataset("sighan15").load(tmp_path)
    assert [row["target"] for row in splits.train] == ["train我们。", "好。"]
    assert len(splits.test["sighan15"]) == 2
    assert splits.train[1]["id"] == "train15_error.txt:2"
    assert "parallel files in sighan" in splits.protocol
    assert "other/copy" in " ".join(splits.notes)


def test_parallel_files_of_different_length_are_refused(tmp_path):
    (tmp_path / "test14_error.txt").write_text("一\n二\n", encoding="utf-8")
    (tmp_path / "test14_correct.txt").write_text("一\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"2 lines against 1 in test14_correct\.txt"):
        corpora.dataset("sighan14").load(tmp_path)


def test_flag_tables(tmp_path):
    (tmp_path / "15train.txt").write_text("1\t我门\t我们\n0\t好\t好\n", encoding="utf-8")
    (tmp_path / "15test.txt").write_text("1\t他门\t他们\n", encoding="utf-8")
    splits = corpora.dataset("sighan15").load(tmp_path)
    assert [row["source"] for row in splits.train] == ["我门", "好"]
    assert splits.test["sighan15"][0]["target"] == "他们"


def test_official_release(tmp_path):
    training, test = tmp_path / "r" / "Training", tmp_path / "r" / "Test"
    training.mkdir(parents=True)
    test.mkdir()
    write_official(test)
    for part in ("A2", "B2"):
        (training / f"SIGHAN15_CSC_{part}_Training.sgml").write_text(
            ESSAY.replace("B1", part), encoding="utf-8"
        )
    splits = corpora.dataset("sighan15").load(tmp_path)
    assert [row["id"] for row in splits.train] == ["A2-01-1", "A2-01-2", "B2-01-1", "B2-01-2"]
    assert len(splits.test["sighan15"]) == 2
    assert splits.problems == []


def test_official_release_of_2013(tmp_path):
    (tmp_path / "Bakeoff2013_SampleSet_WithError_00001-00350.txt").write_text(DOC, encoding="utf-8")
    (tmp_path / "FinalTest_SubTask1.txt").write_text("(NID=1) 不用。\n", encoding="utf-8")
    (tmp_path / "FinalTest_SubTask2.txt").write_text("(NID=2) 我門。\n", encoding="utf-8")
    (tmp_path / "FinalTest_SubTask2_Truth.txt").write_text("2, 2, 們\n", encoding="utf-8")
    splits = corpora.dataset("sighan13").load(tmp_path)
    assert len(splits.train) == 2
    assert splits.test["sighan13"][0]["target"] == "我們。"


def test_a_part_alone_is_enough_and_is_noted(tmp_path):
    write_official(tmp_path)
    splits = corpora.dataset("sighan15").load(tmp_path)
    assert splits.train == []
    assert "sighan15: no train files found" in splits.notes


def test_missing_corpus_says_what_was_sought_and_where(tmp_path):
    with pytest.raises(UserError, match=r"no sighan14 files.*train14_error\.txt.*--data-root") as e:
        corpora.dataset("sighan14").load(tmp_path)
    assert str(tmp_path) in str(e.value)
    with pytest.raises(UserError, match="--data-root"):
        corpora.dataset("sighan14").load(None)
    with pytest.raises(UserError, match="no such folder"):
        corpora.dataset("sighan14").load(tmp_path / "no")


UNCLOSED = ["<PASSAGE id='a'>", "<MISTAKE>", "<MISTAKE><WRONG>", "<ESSAY ", "<PASSAGE ", "<DOC><P "]


@pytest.mark.parametrize("piece", [*UNCLOSED, "aaaaaaaa"])
def test_the_time_for_tags_that_are_never_closed_grows_with_their_number(
    tmp_path, piece, cpu_seconds
):
    def read(number):
        path = tmp_path / f"{number}.sgml"
        many = piece * number
        tags = f"<ESSAY>{many}</ESSAY>\n{many}" if piece in UNCLOSED else f"<DOC {many}></DOC>"
        path.write_text(f"<DOC><P>a</P></DOC>{tags}", encoding="utf-8")
        return cpu_seconds(lambda: read_sgml(path, []))

    # Eight times as much takes about eight times as long, and not sixty-four times.
    assert read(4000) < 24 * max(read(500), 0.001)


def test_numbers_of_thousands_of_digits_are_no_locations(tmp_path):
    digits = "9" * 5000
    path = tmp_path / "train.sgml"
    path.write_text(
        f"<SENTENCE><TEXT>他在家。</TEXT><MISTAKE><LOCATION>{digits}</LOCATION><WRONG>家</WRONG>"
        "<CORRECTION>佳</CORRECTION></MISTAKE></SENTENCE>",
        encoding="utf-8",
    )
    problems = []
    assert read_sgml(path, problems) == []
    assert "incomplete" in problems[0].what
    problems = []
    inputs, truth = write_official(tmp_path, f"A-1, {digits}, 境\n")
    with pytest.raises(UserError, match="no usable row"):
        read_truth(inputs, truth, problems)
    assert any("not pairs of location and character" in problem.what for problem in problems)
