"""Command-line flags from the fields of a configuration dataclass."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.needs import effective, refuse_without_effect
from nlpcl.core.renamed import former_names

TableOption = Annotated[
    str, typer.Option("--format", help="table, json, csv, markdown or latex.", show_default=True)
]
SafeCsv = Annotated[
    bool,
    typer.Option(
        "--safe-csv",
        help="With --format csv: an apostrophe before texts that begin with = + - @, a tab or a "
        "carriage return, which spreadsheets would run as formulas.",
    ),
]
DataRoot = Annotated[
    str | None,
    typer.Option(help="Folder with the corpora (or set NLPCL_DATA).", metavar="DIR"),
]
Output = Annotated[Path | None, typer.Option(help="Output file. (default: stdout)")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing on stderr.")]


@dataclasses.dataclass(frozen=True)
class Field:
    """Annotation of a parameter: the field it sets, under its present or a former name."""

    name: str


def config_parameters(config: type[Any], only: Collection[str] = ()) -> list[inspect.Parameter]:
    """Return one keyword parameter per field, for Typer; None means that the flag was not given.

    The default shown is the field's; presets can therefore tell a given flag from a default. Each
    former name of a field has a parameter of its own, left out of the help.

    Args:
        config: a dataclass of options.
        only: names of fields; empty for all that have a description.
    """
    hints = get_type_hints(config)
    parameters = []
    for field in dataclasses.fields(config):
        if "help" not in field.metadata or (only and field.name not in only):
            continue
        former = [old for old, name in former_names(config).items() if name == field.name]
        for name in (field.name, *former):
            annotation = Annotated[
                hints[field.name] | None, declaration(field, name), Field(field.name)
            ]
            parameters.append(
                inspect.Parameter(
                    name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
                )
            )
    return parameters


def declaration(field: dataclasses.Field[Any], name: str) -> Any:
    """Return the option of a field; under a former name it is hidden from the help."""
    shown = f"{field.default} {field.metadata['unit']}".rstrip()
    if field.default in (None, ""):
        shown = "none"
    elif field.type == "bool":
        shown = "on" if field.default else "off"
    told = f"{field.metadata['help']}."
    if field.default is not None or "by default" not in told:
        told += f" (default: {shown})"
    return typer.Option(
        *(boolean_flags(name) if field.type in ("bool", "bool | None") else [flag(name)]),
        help=told,
        show_default=False,
        rich_help_panel=field.metadata["panel"],
        hidden=name != field.name,
    )


def boolean_flags(name: str) -> list[str]:
    """Return both flags of a boolean: ``keep_overlap`` → ``--keep-overlap/--no-keep-overlap``."""
    return [f"{flag(name)}/--no-{name.replace('_', '-')}"]


def with_fields(
    function: Callable[..., None], config: type[Any], summary: str
) -> Callable[..., None]:
    """Extend a function, for Typer, by the flags of a dataclass.

    ``function`` receives the flags that were given as the dictionary ``given``.
    """
    return with_parameters(function, config_parameters(config), summary)


def with_parameters(
    function: Callable[..., None], fields: Sequence[inspect.Parameter], summary: str
) -> Callable[..., None]:
    """Extend a function, for Typer, by the parameters ``fields``.

    ``function`` receives those that were given as the dictionary ``given``.
    """
    own = [
        parameter
        for parameter in inspect.signature(function, eval_str=True).parameters.values()
        if parameter.name != "given"
    ]
    present = {parameter.name: field_of(parameter) for parameter in fields}

    def command(**values: Any) -> None:
        flags = {name: values.pop(name) for name in present}
        given = {name: value for name, value in flags.items() if value is not None}
        function(**values, given=under_present_names(given, present))

    command.__signature__ = inspect.Signature([*own, *fields])  # type: ignore[attr-defined]
    command.__doc__ = summary
    return command


def field_of(parameter: inspect.Parameter) -> str:
    """Return the name of the field that a parameter sets."""
    notes = getattr(parameter.annotation, "__metadata__", ())
    return next((note.name for note in notes if isinstance(note, Field)), parameter.name)


def under_present_names(given: Mapping[str, Any], present: Mapping[str, str]) -> dict[str, Any]:
    """Rename given flags to their fields, with a line on stderr for each former name.

    Args:
        given: values of parameters.
        present: parameter → the field it sets.

    Raises:
        UserError: a field was given under two of its names.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if present[name] in found:
            what = f"{flag(name)} and {flag(present[name])} are the same flag"
            raise UserError(what, how=f"Give {flag(present[name])} alone.")
        found[present[name]] = value
    for name in given:
        if name != present[name]:
            now = f"{flag(name)} is now {flag(present[name])}"
            print(f"nlpcl: {now}; the old name goes with the next release", file=sys.stderr)
    return found


def configured(
    config: type[RunConfig],
    presets: Mapping[str, Mapping[str, Any]],
    preset: str | None,
    given: Mapping[str, Any],
) -> RunConfig:
    """Build a configuration: defaults, overridden by the preset, then by the flags given.

    Raises:
        UserError: an impossible value, or a flag without an effect.
    """
    chosen = preset_values(presets, preset)
    made = config.from_dict({**chosen, **given}, where="preset").check()
    refuse_without_effect(made, given)
    # What a preset sets may be made void by a flag.
    return effective(made)


def preset_values(presets: Mapping[str, Mapping[str, Any]], name: str | None) -> Mapping[str, Any]:
    """Return the settings of a preset; empty without a name.

    Raises:
        UserError: no such preset.
    """
    if name is not None and name not in presets:
        raise unknown_name("preset", name, presets, where="--preset")
    return presets[name] if name else {}
