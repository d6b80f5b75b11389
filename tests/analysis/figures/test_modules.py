"""Where parameters and time go."""

from __future__ import annotations

import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import modules
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.runs.run import Run


def test_costs_of_parts_come_from_the_record(make_run, drawn):
    table = {"name": "costs", "columns": ["part", "parameters", "time (%)"]}
    table["rows"] = [["encoder", 2_500_000, 80.04], ["head", 100, None]]
    found = modules.load(Run(make_run(costs=table, device="cpu")), Options())
    assert "1,234 parameters" in found.caption
    assert "on cpu. run." in found.caption
    figure = modules.draw(**found.values)
    sizes, times = figure.axes
    # The first part stands on top.
    assert drawn.ticks(sizes.yaxis) == ["head", "encoder"]
    assert_allclose(drawn.rows(sizes), [(0, 100), (1, 2_500_000)], atol=1e-12)
    assert_allclose(drawn.rows(times), [(0, 0), (1, 80.04)], atol=1e-12)
    assert [text.get_text() for text in sizes.texts] == ["100", "2,500,000"]
    assert [text.get_text() for text in times.texts] == ["-", "80.0"]
    assert [text.xy for text in times.texts] == [(0, 0), (80.04, 1)]
    assert [axes.get_xlabel() for axes in figure.axes] == ["parameters", "time (%)"]
    assert sizes.get_xlim() == (0, 1.3 * 2_500_000)
    assert sizes.xaxis.get_major_formatter()(2_500_000) == "2.5 M"


def test_a_record_without_costs_is_a_reason(make_run):
    with pytest.raises(LeftOut, match="no costs"):
        modules.load(Run(make_run()), Options())
