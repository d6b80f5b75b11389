"""Groups of commands that are built lazily, so that help stays fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

CONTEXT = {"help_option_names": ["-h", "--help"]}


def single(function: Callable[..., None], settings: dict[str, Any] | None = None) -> Any:
    """Wrap a function as a command."""
    application = typer.Typer(
        rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=False
    )
    application.command(context_settings=CONTEXT | (settings or {}))(function)
    return typer.main.get_command(application)


def lazy_group(
    name: str,
    help: str,
    names: Callable[[], list[str]],
    make: Callable[[str], Any],
    summary: Callable[[str], str],
) -> Any:
    """Build a group whose commands are looked up by name, such as the models of the zoo.

    Args:
        name: as on the command line.
        help: one line.
        names: the names to list.
        make: name → command; raises UserError for an unknown one.
        summary: name → one line.
    """

    class Found(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return names()

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            command = make(cmd_name)
            command.name = cmd_name
            return command

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            with formatter.section("Commands"):
                formatter.write_dl([(found, summary(found)) for found in names()])

    application = typer.Typer(
        name=name,
        cls=Found,
        help=help,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=CONTEXT,
    )
    application.callback()(lambda: None)
    return typer.main.get_command(application)
