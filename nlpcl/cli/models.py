"""``nlpcl models``."""

from __future__ import annotations

from typing import Any

from nlpcl import zoo
from nlpcl.cli.groups import single
from nlpcl.cli.options import TableOption
from nlpcl.cli.show import check_format, show_report
from nlpcl.report import Report, Table


def command() -> Any:
    """The command."""
    return single(models)


def models(format: TableOption = "table") -> None:
    """List the models with task, paper, default encoder and variants."""
    check_format(format)
    rows = []
    for name in zoo.names():
        entry = zoo.entry(name)
        config = entry.config_class()
        rows.append(
            [
                name,
                config.task,
                config.paper or None,
                config.backbone,
                ", ".join(entry.presets) or None,
                ", ".join(entry.variants) or None,
                entry.summary,
            ]
        )
    columns = ["model", "task", "paper", "encoder", "presets", "variants", "summary"]
    show_report(Report(tables=[Table("models", columns, rows, title="Models")]), format)
