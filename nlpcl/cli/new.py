"""``nlpcl new model|task|corpus NAME``: start your own from a template."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Annotated, Any

import typer

from nlpcl import tasks, zoo
from nlpcl.cli.groups import CONTEXT
from nlpcl.core.errors import UserError
from nlpcl.core.files import atomic_file, atomic_folder
from nlpcl.data import corpora

TEMPLATES = Path(__file__).parent / "templates"
Name = Annotated[str, typer.Argument(help="Name of letters, digits and underscores.")]
Into = Annotated[Path, typer.Option(help="Folder to create it in.")]


def command(arguments: Sequence[str] = ()) -> Any:
    """Build the group ``nlpcl new``."""
    application = typer.Typer(
        name="new",
        help="Create a model, task or corpus of your own that trains on the samples, with a test.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=CONTEXT,
    )
    for made in (model, task, corpus):
        application.command(context_settings=CONTEXT)(made)
    return typer.main.get_command(application)


def model(name: Name, into: Into = Path()) -> None:
    """Create a model folder: a spelling corrector with a second head."""
    plain = checked(name)
    if plain.replace("_", "-") in zoo.names():
        raise UserError("there is a model of that name", name, "Choose another.")
    folder = write_folder("model", plain, into)
    tell(folder, f"nlpcl train {shown(folder)}")


def task(name: Name, into: Into = Path()) -> None:
    """Create a task with its model: detect sentences with errors."""
    plain = checked(name)
    if plain in tasks.names():
        raise UserError("there is a task of that name", name, "Choose another.")
    folder = write_folder("task", plain, into)
    tell(folder, f"nlpcl train {shown(folder)}", f"nlpcl predict {shown(folder)} 我每天都吃旱饭")


def corpus(name: Name, into: Into = Path()) -> None:
    """Create a corpus file that reads the sample, with its test."""
    plain = checked(name)
    if plain in corpora.names():
        raise UserError("there is a corpus of that name", name, "Choose another.")
    file, test = into / f"{plain}.py", into / f"test_{plain}.py"
    for path, source in ((file, "corpus"), (test, "test_corpus")):
        refuse_existing(path)
        with atomic_file(path) as stream:
            stream.write(filled(TEMPLATES / "corpus" / f"{source}.py.txt", plain))
    tell(file, f"nlpcl data check {shown(file)}", f"nlpcl train sdcl --data {shown(file)}")


def checked(name: str) -> str:
    """Return the name as a Python identifier.

    Raises:
        UserError: it cannot be one.
    """
    plain = name.replace("-", "_")
    if not (plain.isascii() and plain.isidentifier()) or keyword.iskeyword(plain):
        what = f"{name!r} cannot name a Python file"
        raise UserError(what, "nlpcl new", "Give letters, as in tone.")
    return plain.lower()


def write_folder(kind: str, name: str, into: Path) -> Path:
    """Create a folder from the templates of a kind, atomically."""
    folder = into / name
    refuse_existing(folder)
    with atomic_folder(folder) as place:
        for source in sorted((TEMPLATES / kind).glob("*.py.txt")):
            target = source.name.removesuffix(".txt")
            target = f"test_{name}.py" if target == f"test_{kind}.py" else target
            (place / target).write_text(filled(source, name), encoding="utf-8")
    return folder


def filled(source: Path, name: str) -> str:
    """Return a template with the name substituted."""
    words = name.split("_")
    return Template(source.read_text(encoding="utf-8")).substitute(
        name=name,
        dashed="-".join(words),
        class_name="".join(word.capitalize() for word in words),
        title=" ".join(words).capitalize(),
    )


def refuse_existing(path: Path) -> None:
    """Reject a path that exists, so that nothing is overwritten."""
    if path.exists():
        raise UserError("exists already", path, "Choose another name, or --into another folder.")


def shown(path: Path) -> str:
    """Return a path as the command line takes it, always with a separator."""
    text = path.as_posix()
    return text if "/" in text else f"./{text}"


def tell(path: Path, *commands: str) -> None:
    """Print what was written and which commands try it."""
    print(f"{path} is written. Try it:")
    test = path.with_name(f"test_{path.stem}.py") if path.suffix else path
    for line in (*commands, f"pytest {shown(test)}"):
        print(f"  {line}")
