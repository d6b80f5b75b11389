"""The picture of the rooms in CONTRIBUTING.md is drawn from the imports as they are."""

from __future__ import annotations

import re
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest
from draw_rooms import PICTURE, ROOMS, imports, order, picture

TOP = Path(__file__).parents[1]


def test_the_picture_is_up_to_date():
    drawn = picture(order(), imports())
    assert PICTURE.read_text(encoding="utf-8") == drawn, "run python tools/draw_rooms.py"
    assert "examples/rooms.svg" in (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_room_has_its_place():
    folders = {path.parent.name for path in (TOP / "nlpcl").glob("*/__init__.py")}
    assert folders == set(order()) == set(ROOMS)


def test_no_modules_import_one_another_in_a_circle():
    """Late imports and those for types count, but for those of the package's own front."""
    graph = grimp.build_graph("nlpcl", cache_dir=None)
    imported = {
        one: graph.find_modules_directly_imported_by(one) for one in graph.modules - {"nlpcl"}
    }
    assert len(imported) > 200
    TopologicalSorter(imported).prepare()  # raises CycleError


def test_late_imports_and_those_for_types_count(tmp_path, monkeypatch):
    package = tmp_path / "house"
    sources = {
        "cli": {"eval": "def run():\n    from house.core.files import read\n", "train": ""},
        "core": {"files": "", "errors": "import house.core.files\n"},
        "metrics": {
            "bias": "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from house.core import errors, files\n",
        },
    }
    for room, files in sources.items():
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").touch()
        for name, text in files.items():
            (package / room / f"{name}.py").write_text(text, encoding="utf-8")
    (package / "__init__.py").write_text("from house.core import files\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert imports("house") == Counter({("metrics", "core"): 2, ("cli", "core"): 1})


def test_a_number_stands_below_who_imports_and_beside_what_it_imports():
    drawn = picture(["cli", "data", "core"], Counter({("cli", "core"): 7, ("data", "core"): 5}))
    place = {
        text: (int(x), int(y))
        for x, y, text in re.findall(r'<text class="\w+" x="(\d+)" y="(\d+)">(\w+)</text>', drawn)
    }
    assert place["7"] == (place["cli"][0], place["core"][1])
    assert place["5"] == (place["data"][0], place["core"][1])
    assert place["cli"][1] < place["data"][1] < place["core"][1]
    with pytest.raises(ValueError, match="core imports from cli, which lies above it"):
        picture(["cli", "core"], Counter({("core", "cli"): 1}))
