"""Checkpoints of an interrupted training, of which one file is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nlpcl.core.errors import UserError

pytestmark = pytest.mark.usefixtures("code_is_not_hashed")
FORMER = Path(__file__).parents[1] / "runs" / "before_rooms"
CHECKPOINT = ["trainer_state.json", "model.safetensors", "optimizer.pt", "scheduler.pt"]
CHECKPOINT += ["rng_state.pth", "config.json"]


def test_states_of_a_checkpoint(tmp_path, survives):
    from nlpcl.training.records import newest_checkpoint

    shutil.copytree(FORMER / "interrupted" / "checkpoints", tmp_path / "place")
    name = "checkpoint-7/trainer_state.json"
    survives(tmp_path / "place", [name], newest_checkpoint)


def test_a_checkpoint_without_the_state_of_its_trainer_is_passed_over(tmp_path):
    from nlpcl.training.records import newest_checkpoint

    shutil.copytree(FORMER / "interrupted" / "checkpoints", tmp_path / "place")
    path = tmp_path / "place" / "checkpoint-7" / "trainer_state.json"
    assert newest_checkpoint(tmp_path / "place") == path.parent
    state = json.loads(path.read_text(encoding="utf-8"))
    del state["stateful_callbacks"]["TrainerControl"]
    path.write_text(json.dumps(state), encoding="utf-8")
    assert newest_checkpoint(tmp_path / "place") is None


@pytest.mark.parametrize("name", CHECKPOINT)
def test_a_damaged_checkpoint_is_named(tmp_path, monkeypatch, name):
    """Or passed over, where it is its last file that is damaged."""
    from nlpcl.runs.fit import resume

    monkeypatch.chdir(shutil.copytree(FORMER, tmp_path / "former"))
    (tmp_path / "former" / "interrupted" / "checkpoints" / "checkpoint-7" / name).write_bytes(b"[")
    if name == "trainer_state.json":
        assert resume("interrupted").state == "finished"
        return
    with pytest.raises(UserError, match=r"checkpoint-7: cannot be gone on with .*delete it"):
        resume("interrupted")


@pytest.mark.slow
def test_a_training_that_is_gone_on_with(tmp_path, monkeypatch, survives):
    from nlpcl.runs.fit import resume

    monkeypatch.chdir(shutil.copytree(FORMER, tmp_path / "former"))
    place = tmp_path / "former" / "interrupted"

    def read(place: Path) -> None:
        shutil.copytree(place, tmp_path / "used", dirs_exist_ok=True)
        try:
            resume(tmp_path / "used")
        finally:
            shutil.rmtree(tmp_path / "used")

    names = [f"checkpoints/checkpoint-7/{name}" for name in CHECKPOINT]
    survives(place, [*names, "run.json"], read)
