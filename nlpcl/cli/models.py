"""``nlpcl models``: the models of the zoo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlpcl import zoo
from nlpcl.cli.groups import single
from nlpcl.cli.options import SafeCsv, TableOption
from nlpcl.cli.show import check_format, show_report
from nlpcl.core.tables import Report, Table


def command(arguments: Sequence[str] = ()) -> Any:
    """Build ``nlpcl models``."""
    return single(models)


def models(format: TableOption = "table", safe_csv: SafeCsv = False) -> None:
    """List the models with task, paper, default encoder, presets and variants."""
    check_format(format, safe_csv=safe_csv)
    models, settings = [], []
    for name in zoo.names():
        entry = zoo.entry(name)
        config = entry.config_class()
        models.append([name, config.task, config.backbone, entry.summary])
        presets, variants = ", ".join(entry.presets), ", ".join(entry.variants)
        settings.append([name, config.paper or None, presets or None, variants or None])
    tables = [
        Table("models", ["model", "task", "encoder", "summary"], models, title="Models"),
        Table("settings", ["model", "paper", "presets", "variants"], settings, title="Settings"),
    ]
    show_report(Report(tables=tables), format, safe_csv=safe_csv)
