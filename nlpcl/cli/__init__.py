"""The ``nlpcl`` command. Nothing here imports torch: help must appear at once."""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from nlpcl import __version__
from nlpcl.core.characters import visible
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.interrupts import STOPS, handled, stop_at_once

VERBS = {
    "train": "Train a model and evaluate it on its test sets.",
    "eval": "Evaluate a run, on its own test sets or on other data.",
    "predict": "Predict with a trained model, from text, files or standard input.",
    "ablate": "Train variants of a model and compare them.",
    "visualize": "Plot runs and ablations in one HTML report.",
    "verify": "Verify a run: weights, data, predictions, report and code.",
    "models": "List the models.",
    "data": "List the datasets, verify local copies, manage cached features.",
    "new": "Create a model, task or corpus of your own from a template.",
}


ARGUMENTS = "nlpcl.arguments"
"""Key of the context under which the arguments after the verb are kept."""


UNUSABLE = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM)
"""What the system says of names and folders that no program can open."""


class Stopped(Exception):
    """Ctrl-C, or a signal that means the same; the message says what to do next."""


class OutputClosed(Exception):
    """Standard output was closed by its reader, as ``head`` does."""


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Re-raise what the parser would reduce to an exit code: Ctrl-C, a closed or full output."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt as stop:
        raise Stopped(str(stop)) from stop
    except BrokenPipeError as error:
        raise OutputClosed from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(f"cannot write: {error.strerror}", "standard output") from error
        if error.errno in UNUSABLE and isinstance(error.filename, str):
            raise UserError(f"cannot be used: {error.strerror}", error.filename) from error
        raise


class Verbs(TyperGroup):
    """The group of verbs, each imported only when it is called."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        with heard():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        with heard():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"nlpcl.cli.{cmd_name}")
        return module.command(ctx.meta.get(ARGUMENTS, ()))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        formatter.write_dl(list(VERBS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            raise unknown_name("command", args[0], VERBS)
        # The flags of some verbs depend on their arguments.
        ctx.meta[ARGUMENTS] = args[1:]
        return super().resolve_command(ctx, args)


def version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        typer.echo(f"nlpcl {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="nlpcl",
    cls=Verbs,
    help="Contrastive models for Chinese and English text and speech.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    show_version: bool = typer.Option(
        False, "--version", callback=version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Options of ``nlpcl`` itself, before any verb."""


def main() -> None:
    """Run the command line. User errors print one line on stderr and exit with code 2."""
    # Progress bars of the libraries would interrupt our own display.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files may hold what no encoding has
            stream.reconfigure(errors="backslashreplace")
    usage_error: Any = typer.BadParameter.__mro__[1]
    command = typer.main.get_command(app)
    decoder_doubts()  # those of whatever this process did before are not this command's
    try:
        with handled(STOPS, stop_at_once):
            code = command.main(standalone_mode=False)
    except UserError as error:
        if isinstance(error.__cause__, OSError) and error.where == "standard output":
            drop_output()
        fail(str(error))
    except typer.Abort:
        fail("stopped", 130)
    except (Stopped, KeyboardInterrupt) as stop:
        fail(f"Stopped. {stop}".strip(), 130)
    except usage_error as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            raise SystemExit(2) from None
        fail(usage_line(error))
    except OutputClosed:
        drop_output()
        raise SystemExit(0) from None
    else:
        raise SystemExit(code if isinstance(code, int) else 0)
    finally:
        tell_of_decoder()


def decoder_doubts() -> dict[Path, str]:
    """What the decoder of sound said of each file since the last call."""
    decoding = sys.modules.get("nlpcl.audio.decoding")
    return decoding.taken_warnings() if decoding else {}


def tell_of_decoder() -> None:
    """One line for all that the decoder of sound doubted, where sound was read."""
    warned = decoder_doubts()
    if warned:
        path, said = next(iter(warned.items()))
        files = "1 file" if len(warned) == 1 else f"{len(warned)} files, the first"
        line = visible(f"the sound decoder warned of {files} {path}: {said}")
        print(f"nlpcl: {line}", file=sys.stderr)


def drop_output() -> None:
    """Redirect stdout to the null device, so that Python's flush at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(line: str, code: int = 2) -> None:
    """Print one line on stderr and exit."""
    with contextlib.suppress(OSError):  # a terminal that was closed
        print(f"nlpcl: {visible(line)}", file=sys.stderr)
    raise SystemExit(code)


def usage_line(error: Any) -> str:
    """Format a usage error of the parser as one line, suggesting the nearest flag."""
    context = getattr(error, "ctx", None)
    name = getattr(error, "option_name", None)
    if name and context is not None and type(error).__name__ == "NoSuchOption":
        shown = [parameter for parameter in context.command.params if not parameter.hidden]
        known = [flag for parameter in shown for flag in parameter.opts]
        known = ["--help", *(flag for flag in known if flag.startswith("--"))]
        return str(unknown_name("flag", name, known, where=context.command_path))
    path = context.command_path if context is not None else "nlpcl"
    text = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".") + "."
    return f"{path.removeprefix('nlpcl ')}: {text} See: {path} --help"
