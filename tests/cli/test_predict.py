"""``nlpcl predict spelling`` with a real, tiny model."""

from __future__ import annotations

import csv
import io
import json

import pytest


@pytest.fixture
def predict(run_main, finished_run):
    """``predict("--input", "-", stdin=...)`` with every change taken and the notes on stderr."""

    def run(*arguments, threshold=0, **named):
        options = ["--checkpoint", finished_run, "--threshold", threshold, "--precision", "fp32"]
        result = run_main("predict", "spelling", *arguments, *options, **named)
        assert result.code == 0, result.err
        assert "Traceback" not in result.err
        return result

    return run


def json_rows(result):
    return [json.loads(line) for line in result.out.splitlines()]


def check(row):
    """The contract of one result."""
    assert list(row)[-3:] == ["source", "target", "edits"]
    assert len(row["source"]) == len(row["target"])
    places = {edit["position"]: edit for edit in row["edits"]}
    assert list(places) == sorted(places)
    for place, (old, new) in enumerate(zip(row["source"], row["target"], strict=True)):
        if old == new:
            assert place not in places
        else:
            edit = places[place]
            assert edit.keys() == {"position", "wrong", "right", "probability"}
            assert (edit["wrong"], edit["right"]) == (old, new)
            assert 0 <= edit["probability"] <= 1


def test_jsonl_rows(predict):
    rows = json_rows(predict("我再家里。", "abc 123", "", "--format", "jsonl"))
    assert [row["source"] for row in rows] == ["我再家里。", "abc 123", ""]
    for row in rows:
        check(row)
    assert rows[0]["edits"], "an untrained model changes something"
    assert rows[1]["target"] == "abc 123"


def test_the_note_goes_to_stderr_and_can_be_silenced(predict, finished_run):
    assert str(finished_run) in predict("好", "--format", "text").err
    assert predict("好", "--format", "text", "--quiet").err == ""


def test_a_threshold_gives_a_subset(predict):
    def edits(threshold):
        (row,) = json_rows(predict("我再家里坐饭。", "--format", "jsonl", threshold=threshold))
        return {(e["position"], e["right"]): e["probability"] for e in row["edits"]}

    every = edits(0)
    middle = sorted(every.values())[len(every) // 2]
    assert every
    assert set(edits(middle - 1e-6)) == {k for k, v in every.items() if v >= middle - 1e-6}
    assert edits(1) == {}


STREAM = "我再家。\n\n  \n好\r\n\r\nabc\u2028def\x0cghi\n\u3000我每天坐饭".encode()


def test_lines_and_line_ends_stay(predict, tmp_path):
    (tmp_path / "in.txt").write_bytes(STREAM)
    for source, stdin in (("-", STREAM), ("in.txt", b"")):
        out = predict("--input", source, "--format", "text", stdin=stdin).out
        before, after = STREAM.decode(), out
        assert len(before) == len(after)
        for old, new in zip(before, after, strict=True):
            assert old == new or ("一" <= old <= "鿿" and "一" <= new <= "鿿")
        assert out != before
    assert predict("--input", "-", "--format", "text", threshold=1, stdin=STREAM).out == (
        STREAM.decode()
    )


def test_through_a_real_pipe(run_cli, finished_run):
    result = run_cli(
        "predict", "spelling", "--input", "-", "--format", "text", "--checkpoint", finished_run,
        "--threshold", "1", stdin=STREAM,
    )  # fmt: skip
    assert result.code == 0
    assert result.out == STREAM.decode()
    whose, outside = result.err.splitlines()
    assert str(finished_run) in whose
    assert "6 characters outside the model's vocabulary" in outside


def test_one_character_and_an_empty_input(predict):
    (row,) = json_rows(predict("再", "--format", "jsonl"))
    check(row)
    assert predict("--input", "-", "--format", "jsonl", stdin=b"").out == ""
    assert json_rows(predict("--input", "-", "--format", "jsonl", stdin=b"\n"))[0]["target"] == ""


def test_a_line_of_5000_characters(predict):
    text = ("我再家里坐饭，" * 720)[:5000]
    (row,) = json_rows(predict(text, "--format", "jsonl"))
    check(row)
    assert row["source"] == text
    places = {edit["position"] // 500 for edit in row["edits"]}
    assert places == set(range(10)), "every part of it is read"


def test_unbroken_text_longer_than_the_encoder(predict):
    (row,) = json_rows(predict("再" * 333, "--format", "jsonl"))
    check(row)
    assert len(row["source"]) == 333


def test_batch_and_single_agree(predict, pairs):
    texts = [wrong for wrong, _ in pairs] + ["好", "", "再" * 90, "a再b"]
    together = json_rows(predict(*texts, "--format", "jsonl"))
    windows = json_rows(predict(*texts, "--format", "jsonl", "--chunk-size", 1))
    assert [row["source"] for row in together] == texts
    for one, other in zip(together, windows, strict=True):
        assert one["target"] == other["target"]
        for left, right in zip(one["edits"], other["edits"], strict=True):
            assert left["probability"] == pytest.approx(right["probability"], abs=1e-5)


def test_protected_terms_stay_and_confusions_are_replaced(predict, tmp_path):
    (tmp_path / "protect.txt").write_text("再家\n", encoding="utf-8")
    (tmp_path / "confusion.txt").write_text("坐饭 做饭\n", encoding="utf-8")
    (plain,) = json_rows(predict("我再家里坐饭", "--format", "jsonl"))
    assert plain["target"][1:3] != "再家"
    options = ["--protect", "protect.txt", "--confusion", "confusion.txt", "--format", "jsonl"]
    (row,) = json_rows(predict("我再家里坐饭", *options))
    check(row)
    assert row["target"][1:3] == "再家"
    assert row["target"][4:] == "做饭"
    (strict,) = json_rows(predict("我再家里坐饭", *options, threshold=1))
    assert strict["target"] == "我再家里做饭"
    assert strict["edits"] == [{"position": 4, "wrong": "坐", "right": "做", "probability": 1.0}]


def test_jsonl_input_keeps_its_fields(predict, tmp_path):
    lines = ['{"id": 7, "text": "我再家", "source": "x"}', '{"id": 8, "text": ""}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rows = json_rows(predict("--input", "in.jsonl", "--format", "jsonl"))
    assert [row["id"] for row in rows] == [7, 8]
    assert rows[0]["input_source"] == "x"
    assert [row["source"] for row in rows] == ["我再家", ""]
    for row in rows:
        check(row)
    named = predict("--input", "in.jsonl", "--column", "text", "--format", "jsonl")
    assert json_rows(named) == rows


def test_csv_and_table(predict, tmp_path):
    (tmp_path / "in.csv").write_text("id,sentence\n1,我再家\n", encoding="utf-8")
    out = predict("--input", "in.csv", "--format", "csv").out
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["id"] == "1"
    assert row["source"] == "我再家"
    assert len(row["edits"].split()) == len(row["probability"].split()) > 0
    out = predict("我再家").out
    assert "我再家" in out
    assert row["target"] in out


def test_an_output_file(predict, tmp_path):
    shown = predict("我再家", "--format", "jsonl").out
    result = predict("我再家", "--format", "jsonl", "--output", "deep/out.jsonl")
    assert result.out == ""
    assert (tmp_path / "deep" / "out.jsonl").read_text(encoding="utf-8") == shown
    (tmp_path / "same.txt").write_text("我再家\n", encoding="utf-8")
    predict("--input", "same.txt", "--format", "text", "--output", "same.txt")
    assert (tmp_path / "same.txt").read_text(encoding="utf-8") == (
        json.loads(shown)["target"] + "\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gbk.txt", "我在家".encode("gbk"), "gbk.txt:1: not UTF-8"),
        ("late.txt", "好\n".encode() * 9 + b"\xff", "late.txt:10: not UTF-8"),
        ("bad.jsonl", b"{\n{", "bad.jsonl:1: not valid JSON"),
        ("list.jsonl", b"[1]", "list.jsonl:1: not a JSON object"),
        ("column.csv", "字\n好\n".encode(), "--column"),
    ],
)
def test_a_damaged_input_is_one_line(name, content, words, run_main, finished_run, tmp_path):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "old.txt").write_text("old")
    result = run_main(
        "predict", "spelling", "--input", name, "--checkpoint", finished_run, "--quiet",
        "--format", "jsonl", "--output", "old.txt",
    )  # fmt: skip
    assert words in result.error_line
    assert (tmp_path / "old.txt").read_text() == "old"


BROKEN = '{"id": 1, "text": "我再家"}\n{oops\n\n{"id": 4}\n{"id": 5, "text": "他在家"}\n'


@pytest.mark.parametrize("form", ["jsonl", "csv", "text", "table"])
def test_a_bad_row_stays_in_its_place(form, run_main, finished_run, tmp_path):
    (tmp_path / "in.jsonl").write_text(BROKEN, encoding="utf-8")
    options = ["--checkpoint", finished_run, "--threshold", 1, "--output", "out"]
    result = run_main("predict", "spelling", "--input", "in.jsonl", "--format", form, *options)
    assert result.code == 1
    assert "2 of 5 rows could not be read; the first: in.jsonl:2: not valid JSON" in result.err
    out = (tmp_path / "out").read_text(encoding="utf-8")
    if form == "text":
        assert out == "我再家\n\n\n\n他在家\n"
        return
    if form == "table":
        assert "error" in out
        return
    read = csv.DictReader(io.StringIO(out)) if form == "csv" else map(json.loads, out.splitlines())
    rows = list(read)
    assert [row.get("target") or "" for row in rows] == ["我再家", "", "", "", "他在家"]
    assert [bool(row.get("error")) for row in rows] == [False, True, False, True, False]
    if form == "jsonl":
        assert rows[3]["id"] == 4


def test_a_first_row_that_is_bad_leaves_the_columns_to_the_next(run_main, finished_run, tmp_path):
    (tmp_path / "in.csv").write_text("text,id\none\n我再家,2\n", encoding="utf-8")
    options = ["--checkpoint", finished_run, "--format", "csv", "--quiet"]
    result = run_main("predict", "spelling", "--input", "in.csv", *options)
    assert (result.code, result.err) == (1, "")
    error, row = csv.DictReader(io.StringIO(result.out))
    assert list(row) == ["id", "source", "target", "edits", "probability", "error"]
    assert "in.csv:2: 1 field where the header has 2" in error["error"]
    assert (row["id"], row["error"]) == ("2", "")


def test_entities_are_told_and_decoded_when_asked_for(predict):
    told = predict("a &amp; 我再家", "--format", "jsonl")
    assert json_rows(told)[0]["source"] == "a &amp; 我再家"
    assert "1 of 1 texts hold HTML entities" in told.err
    decoded = predict("a &amp; 我再家", "--format", "jsonl", "--unescape-html")
    assert json_rows(decoded)[0]["source"] == "a & 我再家"
    assert "entities" not in decoded.err


@pytest.mark.parametrize("content", ["坐饭 做\n", "坐饭\n", "坐 做\n坐 作\n"])
def test_a_damaged_confusion_list_is_one_line(content, run_main, finished_run, tmp_path):
    (tmp_path / "c.txt").write_text(content, encoding="utf-8")
    result = run_main(
        "predict", "spelling", "好", "--confusion", "c.txt", "--checkpoint", finished_run
    )
    assert "c.txt:" in result.error_line


def test_a_saved_model_folder_is_a_checkpoint(predict, run_main, finished_run):
    wanted = predict("我再家里", "--format", "jsonl").out
    result = run_main(
        "predict", "spelling", "我再家里", "--checkpoint", finished_run / "model",
        "--threshold", "0", "--format", "jsonl", "--precision", "fp32",
    )  # fmt: skip
    assert result.code == 0
    assert result.out == wanted


def test_an_untuned_encoder_is_refused_unless_assumed(run_main, tiny_encoder):
    chosen = ["predict", "spelling", "我再家", "--checkpoint", tiny_encoder(), "--threshold", "0"]
    line = run_main(*chosen).error_line
    assert "plain bert encoder" in line
    assert "--assume-tuned" in line
    assert "nlpcl train sdcl" in line
    result = run_main(*chosen, "--assume-tuned", "--format", "jsonl")
    assert result.code == 0, result.err
    (row,) = json_rows(result)
    check(row)
    assert row["edits"]


def test_the_newest_finished_run_is_taken(run_main, finished_run, tmp_path):
    import shutil

    for name, ended, state in [
        ("old", "2024-01-01T00:00:00+00:00", "finished"),
        ("new", "2024-02-01T00:00:00+00:00", "finished"),
        ("later", "2024-03-01T00:00:00+00:00", "interrupted"),
    ]:
        folder = shutil.copytree(finished_run, tmp_path / "runs" / name)
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        record |= {"ended": ended, "state": state}
        (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / "runs" / "damaged").mkdir()
    (tmp_path / "runs" / "damaged" / "run.json").write_text("{")
    result = run_main("predict", "spelling", "好", "--format", "text")
    assert result.code == 0
    assert "runs/new" in result.err


def test_a_run_of_another_task_is_refused(run_main, finished_run, tmp_path):
    import shutil

    folder = shutil.copytree(finished_run, tmp_path / "run")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(record | {"task": "masked_lm"}), encoding="utf-8")
    line = run_main("predict", "spelling", "好", "--checkpoint", folder).error_line
    assert "not one for correction" in line


def test_characters_outside_the_vocabulary_pass_and_are_counted(predict):
    result = predict("𪚥再家𪚥。", "好𠮷", "--format", "jsonl")
    assert json_rows(result)[0]["target"][0] == "𪚥"
    assert json_rows(result)[1]["target"].endswith("𠮷")
    assert "3 characters outside the model's vocabulary" in result.err
    assert "(𪚥 𠮷)" in result.err
    assert "outside" not in predict("我再家里。", "--format", "jsonl").err
