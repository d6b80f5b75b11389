"""From a configuration dataclass to a command with one flag a field."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import UserError, unknown_name

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


def config_parameters(config: type[RunConfig]) -> list[inspect.Parameter]:
    """One keyword parameter a field, annotated for Typer; None means that the flag was not given.

    The default shown is the field's; presets can therefore tell a given flag from a default. Former
    names of a field are parameters of their own, left out of the help.
    """
    hints = get_type_hints(config)
    parameters = []
    for field in dataclasses.fields(config):
        if "help" not in field.metadata:
            continue
        hint = hints[field.name] | None
        former = [old for old, name in config.former_names().items() if name == field.name]
        for name in (field.name, *former):
            annotation = Annotated[hint, declaration(field, name)]
            parameters.append(
                inspect.Parameter(
                    name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
                )
            )
    return parameters


def declaration(field: dataclasses.Field[Any], name: str) -> Any:
    """The option of a field under its own name, or the hidden one under a former name."""
    shown = "none" if field.default is None else str(field.default)
    if field.type == "bool":
        shown = "on" if field.default else "off"
    return typer.Option(
        *([flag(name)] if field.type != "bool" else boolean_flags(name)),
        help=f"{field.metadata['help']}. (default: {shown} {field.metadata['unit']}".rstrip() + ")",
        show_default=False,
        rich_help_panel=field.metadata["panel"],
        hidden=name != field.name,
    )


def boolean_flags(name: str) -> list[str]:
    """``keep_overlap`` → ``--keep-overlap/--no-keep-overlap``."""
    return [f"{flag(name)}/--no-{name.replace('_', '-')}"]


def with_fields(
    function: Callable[..., None], config: type[RunConfig], summary: str
) -> Callable[..., None]:
    """A function for Typer: ``function``'s own keyword parameters and then the fields' flags.

    ``function`` receives the fields that were given in ``given``.
    """
    own = [
        parameter
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.name != "given"
    ]
    fields = config_parameters(config)
    names = [parameter.name for parameter in fields]

    def command(**values: Any) -> None:
        flags = {name: values.pop(name) for name in names}
        given = {name: value for name, value in flags.items() if value is not None}
        function(**values, given=under_present_names(config, given))

    command.__signature__ = inspect.Signature([*own, *fields])  # type: ignore[attr-defined]
    command.__doc__ = summary
    return command


def under_present_names(config: type[RunConfig], given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that were given as flags, by their present names; a line on stderr for each old one.

    Raises:
        UserError: a field was given under two of its names.
    """
    former = config.former_names()
    found: dict[str, Any] = {}
    for name, value in given.items():
        present = former.get(name, name)
        if present in found:
            what = f"{flag(name)} and {flag(present)} are the same flag"
            raise UserError(what, how=f"Give {flag(present)} alone.")
        found[present] = value
    for name in given:
        if name in former:
            now = f"{flag(name)} is now {flag(former[name])}"
            print(f"nlpcl: {now}; the old name goes with the next release", file=sys.stderr)
    return found


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
