"""Shared fixtures: offline, seeded, tiny random encoders, invented pairs, a finished run.

``--test-seed`` or ``NLPCL_TEST_SEED`` chooses another seed than 0, ``NLPCL_TEST_THREADS`` another
number of threads than 1, and ``NLPCL_TEST_ONEDNN=0`` switches oneDNN off: no test may depend on
them. ``--random-order-bucket=global`` (of pytest-random-order) shuffles the tests.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nlpcl.core import torchaudio_import

THREADS = os.environ.get("NLPCL_TEST_THREADS", "1")

# Before anything imports torch or transformers, and inherited by every subprocess.
os.environ.update(
    {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "OMP_NUM_THREADS": THREADS,
        "MKL_NUM_THREADS": THREADS,
        "CUDA_VISIBLE_DEVICES": "",
    }
)
os.environ.pop("NLPCL_DATA", None)
# Tests import transformers on their own, some of them before any room that prepares this.
torchaudio_import.prepare()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--test-seed",
        type=int,
        default=int(os.environ.get("NLPCL_TEST_SEED", "0")),
        help="Seed of all that tests draw at random (default: $NLPCL_TEST_SEED or 0)",
    )


def pytest_configure(config: pytest.Config) -> None:
    import hypothesis

    # Whoever starts the tests in the background or under nohup ignores these, and so would they.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    seed = config.getoption("--test-seed")
    os.environ["PYTHONHASHSEED"] = str(seed)  # of subprocesses
    config.pluginmanager.register(Steadiness(seed), "steadiness")
    # The same examples in every run at seed 0, others at another seed; no limits of time, which
    # a busy machine would exceed.
    hypothesis.settings.register_profile(
        "steady",
        derandomize=seed == 0,
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("steady")
    if seed and config.getoption("hypothesis_seed") is None:
        config.option.hypothesis_seed = seed


def pytest_collection_finish(session: pytest.Session) -> None:
    # Half a million objects of torch, transformers and the tests live to the end: the collector
    # need not walk through them again and again. It takes a tenth of the time of the suite.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in config.option.markexpr:
        return
    waits = pytest.mark.skip(reason="slow: pytest -m slow")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(waits)


class Steadiness:
    """Every global random state is set before each test and each longer-lived fixture.

    torch is imported for that: its own first seed is another one in every process.
    """

    def __init__(self, seed: int) -> None:
        import torch

        self.seed = seed
        torch.backends.mkldnn.enabled = os.environ.get("NLPCL_TEST_ONEDNN", "1") != "0"
        self.set_states()

    def set_states(self, name: str = "") -> None:
        """At the seed, or at one of its own for a name."""
        import numpy
        import torch

        seed = zlib.crc32(f"{self.seed} {name}".encode()) if name else self.seed
        random.seed(seed)
        numpy.random.seed(seed)
        torch.manual_seed(seed)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        import torch

        torch.set_num_threads(int(THREADS))
        self.set_states()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object, object]:
        """What outlives a test is the same whichever test asks first, and takes nothing from it."""
        if fixturedef.scope == "function":
            return (yield)
        with random_states_kept():
            self.set_states(f"{fixturedef.baseid} {fixturedef.argname}")
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """No test file draws anything while it is imported, where no seed of a test holds."""
        self.set_states()
        before = drawn_so_far()
        report = yield
        if report.passed and drawn_so_far() != before:
            report.outcome = "failed"
            report.longrepr = f"{collector.nodeid}: draws random numbers at import. Use a fixture."
        return report


@pytest.fixture(autouse=True)
def code_of_users_is_forgotten() -> Generator[None]:
    """No test finds the model or task of one's own that another has loaded."""
    yield
    for name in [name for name in sys.modules if name.startswith("nlpcl_own_")]:
        del sys.modules[name]
    tasks = sys.modules.get("nlpcl.tasks")
    if tasks is not None:
        tasks._own.clear()


def drawn_so_far() -> tuple[object, ...]:
    """The states of numpy and torch, comparable. (Libraries may use ``random`` at import.)"""
    import numpy
    import torch

    _, keys, *rest = numpy.random.get_state()
    return keys.tobytes(), *rest, torch.get_rng_state().numpy().tobytes()


@contextlib.contextmanager
def random_states_kept() -> Generator[None]:
    """The global random states afterwards are those from before."""
    import numpy
    import torch

    states = random.getstate(), numpy.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        numpy.random.set_state(states[1])
        torch.set_rng_state(states[2])


@pytest.fixture(scope="session")
def assert_near() -> Callable[..., None]:
    """``assert_near(found, wanted, terms)``: two tensors are equal but for rounding.

    ``terms`` is how many numbers flow into one of them: each may be off by one step of the type's
    precision on the scale of the largest number there.
    """
    import torch

    def check(found: torch.Tensor, wanted: torch.Tensor, terms: int) -> None:
        scale = float(wanted.detach().abs().max())
        step = torch.finfo(wanted.dtype).eps * scale
        torch.testing.assert_close(found, wanted, rtol=0, atol=terms * step)

    return check


@pytest.fixture(scope="session")
def cpu_seconds() -> Callable[..., float]:
    """``cpu_seconds(function)``: of this process alone, in the quickest of three calls."""

    def measure(function: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            begun = time.process_time()
            function()
            times.append(time.process_time() - begun)
        return min(times)

    return measure


ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

PEOPLE = ["我", "老师", "妈妈", "他的朋友", "那位医生", "两个同学"]
TIMES = ["今天早上", "昨天晚上", "每个星期", "明年春天"]
ACTIONS = [
    "在家里做饭",
    "坐车去学校",
    "买了新的衣服",
    "听到这个好消息",
    "写完了所有的作业",
    "和大家一起唱歌",
    "打算去海边看日出",
    "把书还给图书馆",
]
CONFUSED = dict(zip("早天在做坐新听作一看书", "旱大再作座心厅做以着数", strict=True))
COMMON = (
    "的一是了不在有人这上大来和我个中地为他生要们以到国时就出说会也子学发着对作能可于成用过"
    "动主下面而年分后自所家同方多都前起此经行理如本现使前新些去天三好看开手心样里实事把高水"
    "长两机等间最走全正间女明又其想意没从听山红口内日月早晚今昨饭车书新旧衣服花春夏秋冬东西"
    "南北左右门电话朋友老师爸妈哥弟姐妹狗猫鸟鱼米面茶酒白黑蓝绿黄快慢远近冷热旱再座厅数"
)


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def error_line(self) -> str:
        """The one line of a user's mistake; fails when there is more, less, or another code."""
        assert self.code == 2, (self.code, self.out, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("nlpcl: "), lines
        assert "Traceback" not in self.err
        return lines[0]


def invented_pairs(number: int) -> list[tuple[str, str]]:
    """Pairs (as written, correct); a quarter without an error, others with one or more."""
    pairs = []
    for index in range(number):
        person = PEOPLE[index % len(PEOPLE)]
        time = TIMES[(index // 6) % len(TIMES)]
        action = ACTIONS[(index * 5 + index // 24) % len(ACTIONS)]
        right = f"{person}{time}{action}。"
        places = [place for place, character in enumerate(right) if character in CONFUSED]
        chosen = set(places[: (0, 1, 1, 3)[index % 4]])
        wrong = "".join(
            CONFUSED[character] if place in chosen else character
            for place, character in enumerate(right)
        )
        pairs.append((wrong, right))
    return pairs


def write_table(path: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    lines = [f"{wrong}\t{right}\n" for wrong, right in pairs]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("source\ttarget\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session", name="write_table")
def _write_table() -> Callable[..., Path]:
    """``write_table(path, pairs)``: pairs as a tab-separated file with a header."""
    return write_table


@pytest.fixture(scope="session")
def command_line() -> Callable[..., Result]:
    """``run_main`` for fixtures that last longer than one test."""
    return in_process


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    """40 invented pairs, all different."""
    made = invented_pairs(40)
    assert len({right for _, right in made}) == 40
    return made


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Callable[..., Path]:
    """``tiny_encoder("bert", dropout=0.0)`` → a folder as transformers' ``save_pretrained`` makes.

    Random weights, hidden size 32, 2 layers, a vocabulary of about 300 single characters.
    """
    made: dict[tuple[str, float, int], Path] = {}

    def encoder(kind: str = "bert", dropout: float = 0.1, seed: int = 0) -> Path:
        key = (kind, dropout, seed)
        if key not in made:
            folder = tmp_path_factory.mktemp("encoder") / f"tiny-{kind}"
            with random_states_kept():
                save_tiny_encoder(kind, dropout, folder, seed)
            made[key] = folder
        return made[key]

    return encoder


def save_tiny_encoder(kind: str, dropout: float, folder: Path, seed: int = 0) -> None:
    """A random masked language model and its fast tokenizer, saved by transformers alone."""
    import torch
    import transformers

    text = COMMON + "".join(right for _, right in invented_pairs(40)) + "".join(CONFUSED.values())
    characters = list(dict.fromkeys(text + "，。！？、“”abcxyz0123456789,.!?"))
    if kind == "roberta":
        from tokenizers import Tokenizer, models, pre_tokenizers

        tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *characters]
        plain = Tokenizer(models.WordLevel({t: i for i, t in enumerate(tokens)}, "<unk>"))
        plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
        names = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>"}
        names |= {"pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
        special = {f"{name}_token": token for name, token in names.items()}
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, **special)
    else:
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
        tokenizer = transformers.BertTokenizer(
            vocab={token: index for index, token in enumerate(tokens)},
            do_lower_case=False,
            strip_accents=False,
        )
    sizes = {
        "vocab_size": len(tokens),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 66,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if kind == "distilbert":
        sizes = {
            "vocab_size": len(tokens),
            "dim": 32,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dim": 64,
            "max_position_embeddings": 66,
            "dropout": dropout,
            "attention_dropout": dropout,
            "pad_token_id": tokenizer.pad_token_id,
        }
    if kind in {"albert", "electra"}:
        sizes |= {"embedding_size": 16}
    names = {"bert": "Bert", "roberta": "Roberta", "albert": "Albert", "electra": "Electra"}
    name = names.get(kind, "DistilBert")
    config = getattr(transformers, f"{name}Config")(**sizes)
    torch.manual_seed(3 + seed)
    model = getattr(transformers, f"{name}ForMaskedLM")(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory, pairs) -> Path:
    """A data folder: 24 training, 8 dev and 8 test pairs."""
    folder = tmp_path_factory.mktemp("data") / "invented"
    write_table(folder / "train.tsv", pairs[:24])
    write_table(folder / "dev.tsv", pairs[24:32])
    write_table(folder / "test.tsv", pairs[32:])
    return folder


@pytest.fixture(scope="session")
def settings(pair_folder, tiny_encoder) -> dict[str, Any]:
    """Settings of a run that takes a second, for a ``Config`` or as flags."""
    return {
        "data": str(pair_folder),
        "backbone": str(tiny_encoder()),
        "epochs": 2,
        "batch_size": 4,
        "lr": 3e-3,
        "precision": "fp32",
        "device": "cpu",
    }


def as_flags(values: dict[str, Any]) -> list[str]:
    """``{"batch_size": 4}`` → ``["--batch-size", "4"]``."""
    return [
        part
        for name, value in values.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]


@pytest.fixture(scope="session")
def flags() -> Callable[[dict[str, Any]], list[str]]:
    """Settings as command-line flags."""
    return as_flags


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, settings) -> Path:
    """The folder of an SDCL run trained by the command line; read it, never change it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    result = in_process(["train", "sdcl", *as_flags(settings), "--out", str(folder)])
    assert result.code == 0, result
    (folder.parent / "stdout").write_text(result.out, encoding="utf-8")
    (folder.parent / "stderr").write_text(result.err, encoding="utf-8")
    return folder


def in_process(
    arguments: Sequence[object],
    *,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
) -> Result:
    """The command line inside this process: fast, but shares imports and warnings with others."""
    from nlpcl.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    saved = sys.argv, sys.stdin, dict(os.environ), Path.cwd()
    sys.argv = ["nlpcl", *map(str, arguments)]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    os.environ.update(env or {})
    os.chdir(cwd or Path.cwd())
    code: Any = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                code = stop.code
    finally:
        sys.argv, sys.stdin = saved[0], saved[1]
        os.environ.clear()
        os.environ.update(saved[2])
        os.chdir(saved[3])
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]
    return Result(0 if code is None else int(code), *texts)


@pytest.fixture
def run_main(tmp_path) -> Callable[..., Result]:
    """``run_main("train", "sdcl", ...)`` in this process, in an empty folder unless told."""

    def run(*arguments: object, cwd: Path | None = None, **named: Any) -> Result:
        return in_process(arguments, cwd=cwd or tmp_path, **named)

    return run


@pytest.fixture
def run_cli(tmp_path) -> Callable[..., Result]:
    """``run_cli("models")`` as ``python -m nlpcl models`` in a process of its own."""

    def run(
        *arguments: object,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Result:
        # What main() sets for itself must not be set for it here.
        inherited = {k: v for k, v in os.environ.items() if k != "HF_HUB_DISABLE_PROGRESS_BARS"}
        done = subprocess.run(
            [sys.executable, "-m", "nlpcl", *map(str, arguments)],
            cwd=cwd or tmp_path,
            env=inherited | (env or {}),
            input=stdin,
            capture_output=True,
            timeout=600,  # hung, not slow
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def in_a_fork(action: Callable[[], object], meanwhile: Callable[[int], object]) -> Result:
    """Call ``action`` in a process of its own, without the seconds that imports take.

    Args:
        action: what it does; the code of a ``SystemExit`` is its exit code.
        meanwhile: is called here with the number of the process.
    """
    import torch

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if not pid:
            code: Any = 1
            try:
                # The threads of OpenMP do not survive a fork: who waits for them waits for ever.
                torch.set_num_threads(1)
                for number, stream in ((1, out), (2, err)):
                    os.dup2(stream.fileno(), number)
                sys.stdout, sys.stderr = (os.fdopen(number, "w") for number in (1, 2))
                action()
                code = 0
            except SystemExit as stop:
                code = stop.code or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        try:
            meanwhile(pid)
        finally:
            _, status = os.waitpid(pid, 0)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8"))
    return Result(os.waitstatus_to_exitcode(status), *texts)


@pytest.fixture(scope="session")
def forked() -> Callable[..., Result]:
    """``forked(action)``: what it did in a process of its own, a copy of this one."""

    def run(
        action: Callable[[], object], meanwhile: Callable[[int], object] = lambda pid: None
    ) -> Result:
        return in_a_fork(action, meanwhile)

    return run


@pytest.fixture(scope="session")
def command_in_a_fork() -> Callable[..., Result]:
    """``command_in_a_fork(arguments, prepare)``: the command line, after ``prepare()``, there."""

    def run(
        arguments: Sequence[object],
        prepare: Callable[[], object] = lambda: None,
        meanwhile: Callable[[int], object] = lambda pid: None,
    ) -> Result:
        def action() -> None:
            from nlpcl.cli import main

            prepare()
            sys.argv = ["nlpcl", *map(str, arguments)]
            main()

        return in_a_fork(action, meanwhile)

    return run


@pytest.fixture(scope="session")
def python() -> Callable[..., Result]:
    """``python(folder, code, *arguments)``: some Python in a fresh interpreter, there."""

    def run(
        folder: Path, code: str, *arguments: object, env: dict[str, str] | None = None
    ) -> Result:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=folder,
            env=os.environ | (env or {}),
            capture_output=True,
            timeout=600,  # hung, not slow
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def run_python(python, tmp_path) -> Callable[..., Result]:
    """``run_python(code, *arguments)`` in an empty folder."""
    return functools.partial(python, tmp_path)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real corpora."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real corpora are not in ../shared/data")
    return SHARED_DATA
