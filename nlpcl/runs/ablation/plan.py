"""Plan of an ablation: variants, sweeps and seeds, validated before any training.

Imports nothing heavy, so that a mistake is reported at once and before any training.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nlpcl import zoo
from nlpcl.core.config import SPEED_ALONE, RunConfig, flag
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.needs import effective
from nlpcl.core.renamed import former_names, with_present_names
from nlpcl.runs.ablation.refusals import (
    refuse_equal,
    refuse_ineffective,
    refuse_overridden,
    refuse_repeated,
)
from nlpcl.tasks.spec import TaskSpec

FIXED = ("data", "data_root", "seed")
"""Fields that cannot be swept: cells are compared on the same test items, at the same seeds."""

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One training: a variant with a seed.

    Args:
        variant: its name.
        seed: of weights, data order and dropout.
        config: what is trained.
        place: of the run folder, relative to the ablation's.
    """

    variant: str
    seed: int
    config: RunConfig
    place: Path

    @property
    def title(self) -> str:
        """Variant and seed, as in messages."""
        return f"{self.variant}, seed {self.seed}"

    @property
    def record(self) -> Path:
        """Path of the cell's settings and outcome, relative to the ablation's folder."""
        return self.place.with_name(self.place.name + ".json")


@dataclass(frozen=True)
class Plan:
    """What an ablation trains and compares.

    Args:
        entry: the model.
        variants: configuration of every variant at the first seed, the baseline among them.
        settings: what sets each variant apart.
        baseline: the variant the others are compared with.
        seeds: training seeds.
        notes: what a reader must know.
    """

    entry: zoo.Entry
    variants: Mapping[str, RunConfig]
    settings: Mapping[str, Settings]
    baseline: str
    seeds: Sequence[int]
    notes: Sequence[str] = field(default_factory=list)

    @property
    def task(self) -> TaskSpec:
        """The spec of the model's task."""
        return self.entry.task

    def cells(self) -> list[Cell]:
        """All cells, seed by seed, so that a partial ablation can be compared."""
        folders = folder_names(self.variants)
        return [
            Cell(
                name,
                seed,
                dataclasses.replace(config, seed=seed),
                Path("cells") / folders[name] / f"seed-{seed}",
            )
            for seed in self.seeds
            for name, config in self.variants.items()
        ]


def make_plan(
    entry: zoo.Entry,
    given: Settings,
    *,
    preset: Settings | None = None,
    variants: Sequence[str] = (),
    sweeps: Sequence[str] = (),
    seeds: int = 3,
    baseline: str | None = None,
) -> Plan:
    """Build and validate the plan of an ablation.

    Args:
        entry: the model.
        given: fields set by flags, for every variant that does not set them itself.
        preset: fields of a preset, beneath the flags.
        variants: names from the model's ``VARIANTS``; all of them by default, or with a sweep the
            model as it is.
        sweeps: ``field=value,value``; several make a grid.
        seeds: how many training seeds, counted up from the configured one.
        baseline: a variant; by default the model's ``BASELINE``, which is added where it is not
            named, else the first.

    Raises:
        UserError: whatever cannot be trained or compared.
    """
    if seeds < 1:
        raise UserError(f"{seeds} is not at least 1", "--seeds", "Give another value.")
    refuse_repeated(variants, "--variants")
    grid = parse_sweeps(entry.config_class, sweeps)
    named = chosen_variants(entry, variants, bool(grid))
    notes: list[str] = []
    usual = getattr(entry.settings, "BASELINE", None)
    if baseline is None and usual in entry.variants and usual not in named and not grid:
        named = {usual: entry.variants[usual], **named}
        notes.append(f"{usual}, the model's baseline, was added to be compared with.")
    settings = crossed(entry.config_class, named, grid)
    refuse_overridden(given, settings, with_present_names(entry.config_class, grid))
    fixed = {**(preset or {}), **given}
    made = {
        name: entry.config_class.from_dict({**fixed, **own}, where=f"variant {name}").check()
        for name, own in settings.items()
    }
    refuse_ineffective(given, with_present_names(entry.config_class, grid), made)
    refuse_equal(made)
    made = {name: effective(config) for name, config in made.items()}
    if len(made) < 2:
        raise UserError(
            f"{next(iter(made))} alone leaves nothing to compare",
            "--variants",
            "Name at least two variants, or sweep a setting.",
        )
    base = chosen_baseline(baseline, usual, made, named)
    first = made[base].seed
    return Plan(entry, made, settings, base, list(range(first, first + seeds)), notes)


def chosen_variants(
    entry: zoo.Entry, names: Sequence[str], is_swept: bool
) -> dict[str, dict[str, Any]]:
    """Settings of the named variants; the empty name is the unchanged model."""
    if not names:
        return {"": {}} if is_swept or not entry.variants else dict(entry.variants)
    fields = {item.name for item in dataclasses.fields(entry.config_class)}
    for name in names:
        plain = name.lstrip("-").replace("-", "_")
        is_field = plain in fields
        if name not in entry.variants:
            how = f"{flag(plain)} is a flag: use --sweep {plain}=..." if is_field else ""
            raise unknown_name("variant", name, entry.variants, where="--variants", how=how)
        # --no-attention and a variant of that name may mean the same; --lr 3 and "lr" cannot.
        if is_field and entry.variants[name] != {plain: True}:
            raise UserError(
                f"{name!r} is a variant and also the flag {flag(plain)}",
                "--variants",
                "Rename the variant in the model's config.py.",
            )
    return {name: entry.variants[name] for name in names}


def parse_sweeps(config: type[RunConfig], sweeps: Sequence[str]) -> dict[str, list[Any]]:
    """Parse ``["lr=1e-4,1e-3"]`` to ``{"lr": [0.0001, 0.001]}``, checking types."""
    hints = get_type_hints(config)
    known = [
        item.name
        for item in dataclasses.fields(config)
        if "help" in item.metadata and item.name not in FIXED
    ]
    grid: dict[str, list[Any]] = {}
    for sweep in sweeps:
        name, sign, texts = sweep.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        where = f"--sweep {sweep}"
        if name in FIXED:
            how = "Use --seeds." if name == "seed" else "Run one ablation for each."
            raise UserError(f"{name} cannot be swept", where, how)
        # A former name stays as written: the folders of an older ablation are named by it.
        present = former_names(config).get(name, name)
        if present in SPEED_ALONE:
            what = f"{present} changes where and how fast a model is trained, not the model"
            raise UserError(what, where, f"Give {flag(present)} once for all.")
        if present not in known:
            raise unknown_name("setting", name, known, where=where)
        if present in with_present_names(config, grid):
            raise UserError(f"{present} is swept twice", where, f"Use one --sweep {present}=a,b.")
        parts = [part.strip() for part in texts.split(",")]
        if not sign or not all(parts):
            raise UserError("is not FIELD=VALUE,VALUE", where, f"Write --sweep {name}=a,b.")
        grid[name] = [converted(part, hints[present], where) for part in parts]
        refuse_repeated(map(str, grid[name]), where)
    return grid


def converted(text: str, hint: Any, where: str) -> Any:
    """Convert a value of a sweep to the type of its field.

    Raises:
        UserError: it is of another type.
    """
    options = get_args(hint)
    if get_origin(hint) is Literal:
        if text not in map(str, options):
            raise unknown_name("value", text, map(str, options), where=where)
        return next(option for option in options if str(option) == text)
    if NoneType in options:
        if text.lower() == "none":
            return None
        hint = next(option for option in options if option is not NoneType)
    if hint is bool:
        words = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
        if text.lower() not in words:
            raise UserError(f"{text!r} is neither on nor off", where, "Give another value.")
        return words[text.lower()]
    try:
        return hint(text)
    except ValueError:
        kind = {int: "a whole number", float: "a number"}.get(hint, "a value")
        raise UserError(f"{text!r} is not {kind}", where, "Give another value.") from None


def crossed(
    config: type[RunConfig], named: Mapping[str, dict[str, Any]], grid: Mapping[str, list[Any]]
) -> dict[str, dict[str, Any]]:
    """Combine variants with the points of the grid, named ``variant field=value``."""
    for name, own in named.items():
        for swept in set(own) & set(with_present_names(config, grid)):
            raise UserError(
                f"the variant {name} sets {swept} itself",
                f"--sweep {swept}",
                "Leave the variant or the sweep out.",
            )
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    made: dict[str, dict[str, Any]] = {}
    for name, own in named.items():
        for point in points:
            words = [name, *(f"{key}={value}" for key, value in point.items())]
            made[" ".join(filter(None, words)) or "model"] = own | with_present_names(config, point)
    return made


def chosen_baseline(wanted: str | None, usual: str | None, made: Settings, named: Settings) -> str:
    """Return the baseline; if it is swept, its first point."""
    if wanted is None:
        return usual if usual is not None and usual in made else next(iter(made))
    if wanted in made:
        return wanted
    if wanted in named:
        return next(name for name in made if name.split(" ")[0] == wanted)
    how = "Add it to --variants, or leave --baseline out."
    raise unknown_name("baseline", wanted, made, where="--baseline", how=how)


def folder_names(names: Iterable[str]) -> dict[str, str]:
    """Map variants to distinct folder names without separators."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.=+-]+", "_", name).lstrip(".") or "_"
        taken = {other.lower() for other in found.values()}
        tries = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
        found[name] = next(one for one in tries if one.lower() not in taken)
    return found
