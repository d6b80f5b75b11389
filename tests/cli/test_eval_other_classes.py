"""``nlpcl eval`` on data whose classes have other names, and runs crossed with corpora."""

from __future__ import annotations

import json

import pytest

PEOPLE = ["我的朋友", "两个同学", "他的老师", "那位医生", "妈妈"]
ACTIONS = {"买了新的衣服": "normal", "在家里做饭": "offensive", "把书还给图书馆": "hate"}
NAMES = "normal=harmless,offensive=harmful,hate=harmful"


def write(path, labels, tag=""):
    """A table of the invented sentences under other labels."""
    lines = ["text,label,targets"]
    for at, person in enumerate(PEOPLE):
        for action, label in ACTIONS.items():
            lines.append(f"{tag}{person}{action}。,{labels.get(label, label)},{'ab'[at % 2]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_encoder, command_line):
    """Two runs: of three classes with a test set, and of two classes in one file."""
    root = tmp_path_factory.mktemp("crossed")
    write(root / "three" / "train.csv", {})
    write(root / "three" / "dev.csv", {}, "每天")
    write(root / "three" / "test.csv", {}, "明天")
    write(root / "two.csv", {"normal": "fine", "offensive": "bad", "hate": "bad"}, "去年")
    fast = ["--epochs", "1", "--batch-size", "8", "--precision", "fp32", "--device", "cpu"]
    for name in ("three", "two.csv"):
        out = root / f"run-{name[:3]}"
        data = ["--data", root / name, "--backbone", tiny_encoder()]
        data += ["--dev-fraction", "0.3"] if name == "two.csv" else []
        result = command_line(["train", "asrm", *data, *fast, "--out", out])
        assert result.code == 0, result.err
        assert f"{3 if name == 'three' else 2} classes in" in result.err
    return root


@pytest.fixture
def evaluate(run_main, trained):
    def run(name, *arguments):
        return run_main("eval", trained / name, "--precision", "fp32", *arguments)

    return run


def test_unknown_classes_are_refused_with_the_remedy(evaluate, trained):
    line = evaluate("run-thr", "--data", trained / "two.csv").error_line
    assert "the model knows no class 'bad' (10 rows), 'fine' (5 rows): 15 of 15 test rows" in line
    assert '--map-labels "bad=CLASS,fine=CLASS"' in line
    assert "It knows 'hate', 'normal', 'offensive'" in line
    part = evaluate("run-thr", "--data", trained / "two.csv", "--map-labels", "fine=normal")
    assert "'bad' (10 rows): 10 of 15" in part.error_line


def test_a_name_written_otherwise_is_proposed(evaluate, tmp_path):
    data = write(tmp_path / "x.csv", {"hate": "HATE"}, "周末")
    assert '--map-labels "HATE=hate"' in evaluate("run-thr", "--data", data).error_line


def test_classes_of_rows_and_of_the_model_are_merged(evaluate, trained):
    names = f"{NAMES},fine=harmless,bad=harmful"
    chosen = ["--data", trained / "two.csv", "--map-labels", names, "--output", "o.json"]
    result = evaluate("run-thr", *chosen, "--format", "json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["metrics"]["n"] == 15


def test_merged_probabilities_are_sums(run_main, trained, tmp_path):
    found = []
    for flags in ([], ["--map-labels", NAMES]):
        result = run_main(
            "eval", trained / "run-thr", *flags, "--output", "o.json", "--precision", "fp32"
        )
        assert result.code == 0, result.err
        lines = (tmp_path / "o.predictions.jsonl").read_text(encoding="utf-8").splitlines()
        found.append([json.loads(line) for line in lines])
    for plain, named in zip(*found, strict=True):
        shares = plain["probabilities"]
        wanted = {"harmful": shares["hate"] + shares["offensive"], "harmless": shares["normal"]}
        assert named["probabilities"] == pytest.approx(wanted, abs=1e-6)
        assert named["label"] == max(wanted, key=wanted.__getitem__)
        assert named["gold"] == ("harmless" if plain["gold"] == "normal" else "harmful")


def test_dropped_rows_stand_in_the_title(evaluate):
    result = evaluate("run-thr", "--map-labels", "hate=", "--format", "json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["metrics"]["n"] == 10
    assert "5 of 15 rows LEFT OUT: 'hate'" in found["tables"][0]["title"]


def test_by_target_works_on_other_classes(evaluate, trained):
    names = "fine=normal,bad=hate"
    chosen = ["--data", trained / "two.csv", "--map-labels", names, "--by", "target"]
    result = evaluate("run-thr", *chosen)
    assert result.code == 0, result.err
    assert "Bias by group" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--map-labels", "hatte=normal"], "Did you mean 'hate'"),
        (["--map-labels", "hate"], "'hate' is not OLD=NEW"),
        (["--map-labels", "normal=x,hate=x,offensive=x"], "every class of the model becomes 'x'"),
        (["--cross"], "needs corpora"),
        (["--cross", "--data", "x", "--by", "target"], "--by and --cross"),
    ],
)
def test_mistakes(arguments, words, evaluate):
    assert words in evaluate("run-thr", *arguments).error_line


def test_several_runs_need_cross(evaluate, trained):
    assert "--cross" in evaluate("run-thr", trained / "run-two").error_line
    assert "named twice" in evaluate("run-thr", trained / "run-thr", "--cross", "--data", "x").err


def test_runs_are_crossed_with_corpora(evaluate, trained, tmp_path):
    names = f"{NAMES},fine=harmless,bad=harmful"
    data = f"{trained / 'three'},{trained / 'two.csv'}"
    chosen = ["--cross", "--data", data, "--map-labels", names, "--output", "o.json"]
    result = evaluate("run-thr", trained / "run-two", *chosen, "--format", "json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    (table,) = found["tables"]
    assert [row[0] for row in table["rows"]] == ["run-thr", "run-two"]
    assert table["columns"][2] == "three (n = 15)"
    n = int(table["columns"][5].removeprefix("two (n = ").removesuffix(")"))
    assert 1 <= n < 15, "what one of them has learnt is no test row"
    for row in table["rows"]:
        for at in (2, 5):
            value, low, high = row[at : at + 3]
            assert low <= value <= high
    lines = (tmp_path / "o.predictions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 2 * (15 + n)
    ids = {run: {r["id"] for r in rows if r["run"] == run} for run in ("run-thr", "run-two")}
    assert ids["run-thr"] == ids["run-two"]
    own = json.loads((trained / "run-two" / "report.json").read_text(encoding="utf-8"))
    key = "run-two/two/macro_f1"
    assert found["metrics"][key] == pytest.approx(own["metrics"]["macro_f1"])


def told(result):
    """The number of rows and the title of the first table of a JSON report."""
    assert result.code == 0, result.err
    found = json.loads(result.out)
    return found["metrics"]["n"], found["tables"][0]["title"]


def test_the_data_of_the_training_are_split_as_they_were_for_it(evaluate, trained):
    own = json.loads(evaluate("run-two", "--format", "json").out)
    (trained / "again.csv").unlink(missing_ok=True)
    (trained / "again.csv").symlink_to(trained / "two.csv")
    for place in (trained / "two.csv", trained / "x" / ".." / "two.csv", trained / "again.csv"):
        (trained / "x").mkdir(exist_ok=True)
        found = json.loads(evaluate("run-two", "--data", place, "--format", "json").out)
        assert found["metrics"] == own["metrics"], "what it has learnt is no test row"
    assert own["metrics"]["n"] < 15


def test_rows_that_the_run_has_learnt_are_left_out_and_said(evaluate, trained, tmp_path):
    held_out = told(evaluate("run-two", "--format", "json"))[0]
    names = {"normal": "fine", "offensive": "bad", "hate": "bad"}
    new = write(tmp_path / "new.csv", names, "后天").read_text(encoding="utf-8")
    old = (trained / "two.csv").read_text(encoding="utf-8").split("\n", 1)[1]
    (tmp_path / "both.csv").write_text(new + old, encoding="utf-8")
    number, title = told(evaluate("run-two", "--data", "both.csv", "--format", "json"))
    assert number == 15 + held_out
    learnt = f"{15 - held_out:.0f} of 30 rows of both"
    assert f"{learnt} LEFT OUT, since the run was trained or selected on them" in title
    kept = ["--data", "both.csv", "--keep-overlap", "--format", "json"]
    number, title = told(evaluate("run-two", *kept))
    assert number == 30
    assert f"{learnt} scored although the run was trained" in title
    # Of several files each one is looked at.
    assert told(evaluate("run-two", "--data", "new.csv,both.csv", "--format", "json"))[0] == 15
    (tmp_path / "mean.csv").write_text(new.split("\n", 1)[0] + "\n" + old, encoding="utf-8")
    assert told(evaluate("run-two", "--data", "mean.csv", "--format", "json"))[0] == held_out


def test_nothing_new_is_refused(evaluate, trained, tmp_path):
    learnt = trained / "three" / "train.csv"
    line = evaluate("run-thr", "--data", learnt).error_line
    assert "trained or selected on all 15 rows of train" in line
    assert "--keep-overlap" in line
    assert (
        told(evaluate("run-thr", "--data", learnt, "--keep-overlap", "--format", "json"))[0] == 15
    )
    assert "has no effect" in evaluate("run-thr", "--keep-overlap").error_line


def test_data_of_the_training_that_changed_or_are_gone_are_said(evaluate, trained, tmp_path):
    import shutil

    copy = shutil.copytree(trained / "run-two", tmp_path / "copy")
    record = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    for data, words in (("gone.csv", "cannot be told"), ("changed.csv", "have changed")):
        write(tmp_path / "changed.csv", {}, "上周")
        changed = record | {"config": record["config"] | {"data": str(tmp_path / data)}}
        (copy / "run.json").write_text(json.dumps(changed), encoding="utf-8")
        result = evaluate(copy, "--data", trained / "two.csv", "--format", "json")
        assert told(result)[0] == 15
        assert words in json.loads(result.out)["tables"][-1]["note"]


def test_corpora_of_one_name_are_columns_of_their_own(evaluate, trained, tmp_path):
    names = {"normal": "fine", "offensive": "bad", "hate": "bad"}
    for folder, tag in (("a", "上周"), ("b", "下周")):
        write(tmp_path / folder / "x.csv", names, tag)
    result = evaluate("run-two", "--cross", "--data", "a/x.csv,b/x.csv", "--format", "json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert {"run-two/x/macro_f1", "run-two/x-2/macro_f1"} <= set(found["metrics"])
    twice = evaluate("run-two", "--cross", "--data", "a/x.csv,a/x.csv").error_line
    assert "empty or repeated part" in twice


def test_a_crossed_table_names_the_run_that_lacks_a_class(evaluate, trained):
    data = f"{trained / 'three'},{trained / 'two.csv'}"
    line = evaluate("run-thr", trained / "run-two", "--cross", "--data", data).error_line
    assert "run-thr on three, two: the model knows no class 'bad'" in line


def test_a_damaged_training_file_does_not_block_the_test(run_main, evaluate, trained, tmp_path):
    import shutil

    data = shutil.copytree(trained / "three", tmp_path / "damaged")
    (data / "train.csv").write_bytes(b"\xff\xfe\x00broken")
    result = evaluate("run-thr", "--data", data)
    assert result.code == 0, result.err
    assert "train not read" in " ".join(result.out.split())
    flags = ["--backbone", "scratch", "--out", "new"]
    assert "train.csv" in run_main("train", "asrm", "--data", data, *flags).error_line


def test_a_test_class_that_training_lacks_is_refused_before_training(run_main, tmp_path):
    write(tmp_path / "x.csv", {"hate": "offensive"})
    write(tmp_path / "y" / "test.csv", {})
    write(tmp_path / "y" / "train.csv", {"hate": "offensive"}, "每天")
    line = run_main("train", "asrm", "--data", tmp_path / "y", "--out", "new").error_line
    assert "'hate'" in line
    assert not (tmp_path / "new").exists()


def test_a_class_of_one_corpus_may_be_renamed_for_all(evaluate, trained, tmp_path):
    write(tmp_path / "mine.csv", {"normal": "GOOD", "offensive": "BAD", "hate": "BAD"}, "后来")
    chosen = ["--cross", "--data", f"{trained / 'three'},{tmp_path / 'mine.csv'}"]
    result = evaluate("run-thr", *chosen, "--map-labels", "GOOD=normal,BAD=hate")
    assert result.code == 0, result.err
    line = evaluate("run-thr", *chosen, "--map-labels", "GOOD=normal,BADD=hate").error_line
    assert "'BADD'" in line and "Did you mean 'BAD'" in line
