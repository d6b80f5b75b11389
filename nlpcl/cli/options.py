"""From a configuration dataclass to a command with one flag a field."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import unknown_name

TableOption = Annotated[
    str, typer.Option("--format", help="table, json, csv, markdown or latex.", show_default=True)
]
DataRoot = Annotated[
    str | None,
    typer.Option(help="Folder with the corpora (else the variable NLPCL_DATA).", metavar="DIR"),
]
Output = Annotated[Path | None, typer.Option(help="File to write instead of stdout.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")]
Precision = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Nothing on stderr.")]


def config_parameters(config: type[Any], only: Collection[str] = ()) -> list[inspect.Parameter]:
    """One keyword parameter a field, annotated for Typer; None means that the flag was not given.

    The default shown is the field's; presets can therefore tell a given flag from a default.

    Args:
        config: a dataclass of options.
        only: names of fields; empty for all that have a description.
    """
    hints = get_type_hints(config)
    parameters = []
    for field in dataclasses.fields(config):
        if "help" not in field.metadata or (only and field.name not in only):
            continue
        hint = hints[field.name]
        shown = "none" if field.default is None else str(field.default)
        if field.type == "bool":
            shown = "on" if field.default else "off"
        declaration = typer.Option(
            *([flag(field.name)] if field.type != "bool" else boolean_flags(field.name)),
            help=f"{field.metadata['help']}. (default: {shown} {field.metadata['unit']}".rstrip()
            + ")",
            show_default=False,
            rich_help_panel=field.metadata["panel"],
        )
        annotation = Annotated[hint | None, declaration]
        parameters.append(
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
            )
        )
    return parameters


def boolean_flags(name: str) -> list[str]:
    """``keep_overlap`` → ``--keep-overlap/--no-keep-overlap``."""
    return [f"{flag(name)}/--no-{name.replace('_', '-')}"]


def with_fields(
    function: Callable[..., None], config: type[Any], summary: str
) -> Callable[..., None]:
    """A function for Typer: ``function``'s own parameters and then the flags of a dataclass.

    ``function`` receives the fields that were given in ``given``.
    """
    return with_parameters(function, config_parameters(config), summary)


def with_parameters(
    function: Callable[..., None], fields: Sequence[inspect.Parameter], summary: str
) -> Callable[..., None]:
    """A function for Typer: ``function``'s own parameters and then those of ``fields``.

    ``function`` receives those of the latter that were given in ``given``.
    """
    own = [
        parameter
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.name != "given"
    ]
    names = {parameter.name for parameter in fields}

    def command(**values: Any) -> None:
        given = {name: values.pop(name) for name in names}
        function(**values, given={n: value for n, value in given.items() if value is not None})

    command.__signature__ = inspect.Signature([*own, *fields])  # type: ignore[attr-defined]
    command.__doc__ = summary
    return command


def configured(
    config: type[RunConfig],
    presets: Mapping[str, Mapping[str, Any]],
    preset: str | None,
    given: Mapping[str, Any],
) -> RunConfig:
    """Defaults, then the preset, then the flags that were given."""
    chosen = preset_values(presets, preset)
    return config.from_dict({**chosen, **given}, where="preset").check()


def preset_values(presets: Mapping[str, Mapping[str, Any]], name: str | None) -> Mapping[str, Any]:
    """The settings of a preset; none without a name.

    Raises:
        UserError: no such preset.
    """
    if name is not None and name not in presets:
        raise unknown_name("preset", name, presets, where="--preset")
    return presets[name] if name else {}
