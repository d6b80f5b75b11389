"""Every mistake is one line on stderr and exit code 2, whatever was mistaken."""

from __future__ import annotations

import os
import shutil

import pytest

from nlpcl.cli.text_input import check_flags

TYPING = {
    "frain": ["unknown command 'frain'", "Did you mean 'train'", "ablate, data, eval"],
    "train scdl": ["unknown model 'scdl'", "Did you mean 'sdcl'", "Known:"],
    "train sdcl --epohcs 3": ["'--epohcs'", "Did you mean '--epochs'", "--alpha, --backbone"],
    "train sdcl --data sighn15": ["'sighn15'", "Did you mean 'sighan15'", "sample, sighan13"],
    "train sdcl --preset papr": ["'papr'", "Did you mean 'paper'"],
    "models --format jsn": ["'jsn'", "Did you mean 'json'", "csv, json, latex, markdown, table"],
    "data list --format jsn": ["'jsn'", "Did you mean 'json'"],
    "eval run --format jsn": ["'jsn'", "Did you mean 'json'"],
    "predict speling": ["unknown task 'speling'", "Did you mean 'spelling'"],
    "predict spelling 好 --format texd": ["'texd'", "Did you mean 'text'", "jsonl"],
    "predict spelling 好 --input-format cvs": ["--input-format", "'cvs'", "csv"],
    "predict spelling 好 --threshld 1": ["'--threshld'", "Did you mean '--threshold'"],
    "data lst": ["'lst'", "list"],
    "data check x.csv --task emotoin": ["--task", "'emotoin'", "Did you mean 'emotion'"],
    "data check sighn15": ["'sighn15'", "Did you mean 'sighan15'"],
    "data check sample --inclusive-ends": ["--inclusive-ends", "--task entities"],
    "data check x.tsv --inclusive-ends": ["--inclusive-ends", "--task entities"],
    "train sdcl --negatives teachr": ["--negatives", "teachr", "teacher", "student", "batch"],
    "train sdcl --precision fp8": ["--precision", "fp8", "bf16"],
}

VALUES = {
    "--lr -1": ["--lr", "-1", "above 0"],
    "--lr 0": ["--lr", "above 0"],
    "--lr nan": ["--lr", "nan"],
    "--lr inf": ["--lr", "inf"],
    "--lr abc": ["--lr", "number"],
    "--lr": ["--lr", "argument"],
    "--epochs 0": ["--epochs", "at least 1"],
    "--epochs 1.5": ["--epochs", "integer"],
    "--epochs 1e3": ["--epochs", "integer"],
    "--batch-size 0": ["--batch-size", "at least 1"],
    "--grad-accumulation 0": ["--grad-accumulation", "at least 1"],
    "--temperature 0": ["--temperature", "above 0"],
    "--temperature nan": ["--temperature", "nan"],
    "--alpha -0.1": ["--alpha", "at least 0"],
    "--beta nan": ["--beta", "nan"],
    "--warmup-ratio 1": ["--warmup-ratio", "below 1"],
    "--dev-fraction 0": ["--dev-fraction", "above 0"],
    "--dev-fraction 1": ["--dev-fraction", "below 1"],
    "--max-length 4": ["--max-length", "at least 8"],
    "--patience -1": ["--patience", "at least 0"],
    "--seed -1": ["--seed", "at least 0"],
    "--seed one": ["--seed", "integer"],
    "--max-grad-norm -1": ["--max-grad-norm", "at least 0"],
    "--threads -1": ["--threads", "at least 0"],
    "more": ["more", "unexpected"],
    "--keep-overlap=maybe": ["--keep-overlap"],
    "--device cdua": ["--device", "cdua"],
    "--precision fp16 --device cpu": ["--precision", "fp16 needs a GPU"],
    "--data-root nowhere --data sighan15": ["nowhere"],
    "--data sighan15": ["--data-root", "NLPCL_DATA"],
    "--data nowhere.tsv": ["nowhere.tsv", "no such file"],
    "--data nowhere/": ["nowhere"],
    "--data sample,sample": ["sample"],
    "--backbone ./nowhere": ["--backbone ./nowhere", "no such folder"],
    "--backbone nobody/nothing": ["--backbone nobody/nothing", "without a network"],
}

OTHERS = {
    "predict spelling 好 --output /nlpcl-no-such/deep/a": ["there is no folder /nlpcl-no-such"],
    "predict spelling 好 --output .": ["--output", "is a folder"],
    "predict emotion a.wav --output /nlpcl-no-such/a": ["there is no folder /nlpcl-no-such"],
    "train sdcl --out /nlpcl-no-such/run": ["there is no folder /nlpcl-no-such"],
    "visualize run --out /nlpcl-no-such/a.html": ["there is no folder /nlpcl-no-such"],
    "verify nowhere": ["nowhere", "no such run folder"],
    "ablate sdlc": ["unknown model 'sdlc'", "Did you mean 'sdcl'"],
    "ablate sdcl --variants all": ["unknown variant 'all'", "batch-negatives, elementwise"],
    "visualize run": ["run", "no such run folder"],
    "visualize": ["visualize", "runs"],
    "eval": ["eval", "run"],
    "eval nowhere": ["nowhere", "no such run folder"],
    "eval .": ["no run folder"],
    "predict spelling": ["arguments or --input"],
    "predict spelling 好 --input -": ["arguments or --input"],
    "predict spelling 好 --checkpoint nowhere": ["nowhere", "no such run"],
    "predict spelling 好 --checkpoint .": ["no run and no saved model"],
    "predict spelling 好 --checkpoint nobody/nothing": ["nobody/nothing", "network"],
    "predict spelling 好 --threshold 2": ["--threshold", "1"],
    "predict spelling 好 --threshold x": ["--threshold"],
    "predict spelling 好 --chunk-size 0": ["--chunk-size", "1"],
    "predict spelling 好 --protect nowhere.txt": ["nowhere.txt"],
    "predict spelling --input nowhere.txt": ["nowhere.txt", "no such file"],
    "predict spelling --input .": ["--input .", "a folder, not a file"],
    "train sdcl --resume nowhere": ["nowhere", "no such run folder"],
    "train ./nowhere": ["nowhere", "config.py and model.py"],
    "data check": ["name"],
    "data check nowhere.tsv": ["nowhere.tsv"],
    "--nonsense": ["--nonsense"],
}


@pytest.mark.parametrize("line", TYPING)
def test_a_wrong_name_gets_the_nearest_one(line, run_main):
    error = run_main(*line.split()).error_line
    for words in TYPING[line]:
        assert words in error
    assert "Value error" not in error, "words of the parser's library"


@pytest.mark.parametrize("flags", VALUES)
def test_a_wrong_value_is_named(flags, run_main, pair_folder, tiny_encoder, tmp_path):
    rest = [] if "--data " in flags else ["--data", pair_folder]
    rest += [] if "--backbone" in flags else ["--backbone", tiny_encoder()]
    error = run_main("train", "sdcl", *rest, "--out", "run", *flags.split()).error_line
    for words in VALUES[flags]:
        assert words in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("line", OTHERS)
def test_anything_else_that_is_wrong(line, run_main):
    error = run_main(*line.split()).error_line
    for words in OTHERS[line]:
        assert words in error


@pytest.mark.parametrize(
    "line",
    ["frain", "train sdcl --lr abc", "train sdcl --epochs 0", "train ./nowhere", "data check x"],
)
def test_the_same_in_a_process_of_its_own(line, run_cli):
    result = run_cli(*line.split())
    assert result.error_line
    assert result.out == ""


def test_no_warning_of_a_library_gets_through(run_cli, tiny_encoder, pair_folder):
    """Torch, transformers and tokenizers are all loaded when this one is found."""
    result = run_cli(
        "train", "sdcl", "--data", pair_folder, "--backbone", tiny_encoder(), "--out", pair_folder
    )
    assert "not empty" in result.error_line


TABLES = {
    "gbk.tsv": ("我在家\t我再家\n".encode("gbk"), "not UTF-8"),
    "binary.tsv": (bytes(range(256)) * 20, "not a text file"),
    "empty.tsv": (b"", "empty"),
    "blank.tsv": (b"\n\n \n", "empty"),
    "header.tsv": (b"source\ttarget\n", "no usable row"),
    "one.tsv": ("我再家\t我在家\n".encode(), "dev rows"),
    "column.tsv": ("我在家\n我再家\n".encode(), "column"),
    "utf16.tsv": ("我在家\t我再家\n".encode("utf-16"), "UTF-16"),
    "unequal.tsv": ("我在\t我再家\n他在\t他们在\n".encode(), "dev rows"),
    "broken.json": (b'[{"source": ', "JSON"),
    "table.xyz": ("我再家\t我在家\n".encode(), ".xyz"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_table(name, run_main, tmp_path, tiny_encoder):
    content, words = TABLES[name]
    (tmp_path / name).write_bytes(content)
    error = run_main(
        "train", "sdcl", "--data", name, "--backbone", tiny_encoder(), "--out", "run"
    ).error_line
    assert words in error
    assert name in error
    assert not (tmp_path / "run").exists()


@pytest.fixture
def encoder(tiny_encoder, tmp_path):
    """A copy of the tiny BERT, to damage."""
    return shutil.copytree(tiny_encoder(), tmp_path / "encoder")


def without_tokenizer(folder):
    for path in folder.glob("*token*"):
        path.unlink()


def without_weights(folder):
    (folder / "model.safetensors").unlink()


def cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def without_config(folder):
    (folder / "config.json").unlink()


def damaged_config(folder):
    (folder / "config.json").write_text("{")


def without_mask(folder):
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    tokenizer.save_pretrained(folder)


def english_only(folder):
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", *"abcdefg."]
    BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "vocab_size": len(words)}
    BertForMaskedLM(BertConfig(**sizes)).save_pretrained(folder)


def few_han(folder):
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"我你他一"]
    BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 32, "vocab_size": len(words)}
    BertForMaskedLM(BertConfig(**sizes)).save_pretrained(folder)


def tokenizer_of_a_larger_model(folder):
    from transformers import BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(chr, range(0x4E00, 0x9FA6))]
    BertTokenizer(vocab={word: i for i, word in enumerate(words)}).save_pretrained(folder)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (tokenizer_of_a_larger_model, "vocabulary"),
        (without_tokenizer, "tokenizer"),
        (without_weights, "cannot be loaded"),
        (cut_weights, "cannot be loaded"),
        (without_config, "cannot be loaded"),
        (damaged_config, "cannot be loaded"),
        (without_mask, "mask token"),
        (english_only, "no single Han characters"),
        (few_han, "Han characters of the training text"),
    ],
)
def test_an_unfit_encoder(damage, words, encoder, run_main, pair_folder):
    damage(encoder)
    chosen = ["--data", pair_folder, "--backbone", encoder, "--out", "run", "--epochs", "1"]
    error = run_main("train", "sdcl", *chosen).error_line
    assert "--backbone" in error
    assert words in error


def test_an_encoder_without_a_fast_tokenizer(encoder, run_main, pair_folder, monkeypatch):
    """transformers 5 makes nearly every tokenizer a fast one; a slow one is put in its place."""
    import transformers

    real = transformers.AutoTokenizer.from_pretrained

    def slow(*arguments, **named):
        tokenizer = real(*arguments, **named)
        monkeypatch.setattr(type(tokenizer), "is_fast", False)
        return tokenizer

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", slow)
    chosen = ["--data", pair_folder, "--backbone", encoder, "--out", "run", "--epochs", "1"]
    error = run_main("train", "sdcl", *chosen).error_line
    assert "not a fast one" in error


@pytest.mark.parametrize("kind", ["albert", "electra"])
def test_the_elementwise_layer_needs_embeddings_as_wide_as_the_states(
    kind, run_main, tiny_encoder, pair_folder
):
    chosen = ["--data", pair_folder, "--backbone", tiny_encoder(kind), "--epochs", "1"]
    result = run_main("train", "sdcl", *chosen, "--output-layer", "elementwise", "--out", "run")
    assert "elementwise" in result.error_line


def test_a_pipe_that_the_shell_names_is_an_input(tmp_path):
    """``--input <(command)`` gives the path of a pipe."""
    os.mkfifo(tmp_path / "pipe")
    check_flags(None, str(tmp_path / "pipe"), "auto", command="predict", example="")
