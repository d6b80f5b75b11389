"""The judge: its features by hand, its probabilities by a naive loop, its file."""

import json
import math

import pytest
import torch

from nlpcl.core.errors import UserError
from nlpcl.nn.int8 import CHECKSUMS
from nlpcl.tasks.correction.judge import CANDIDATES, FEATURES, FILE, LEAST, Judge
from nlpcl.text import BUILTIN_FOLDER, BUILTIN_WEIGHTS

CHARACTERS = dict(enumerate("x杯背北白身天y"))
"""Ids 0 and 7 are no Han characters; 杯, 背 and 北 sound alike."""
OTHERS = torch.tensor([0, 1, 1, 1, 1, 1, 1, 0], dtype=torch.bool)


def judge(**weights):
    return Judge({name: weights.get(name, 0.0) for name in FEATURES}, CHARACTERS)


def places(rows, written):
    written = torch.tensor(written)
    others = OTHERS.expand(len(rows), -1).scatter(1, written.unsqueeze(1), False)
    return torch.tensor(rows).log(), written, others


ROW = [0.1, 0.3, 0.2, 0.15, 0.1, 0.05, 0.02, 0.08]
"""Probabilities; 背 (id 2) is written."""


def test_features_by_hand():
    judged, ids, features = judge().features(*places([ROW], [2]))
    assert judged.tolist() == [True]
    assert ids.tolist() == [[1, 3, 4, 5, 6]]
    entropy = -sum(p * math.log(p) for p in ROW)
    same = [1.0, 0.0, 0.0, 0.0]
    expected = [
        1.0,
        math.log(0.3 / 0.2),
        math.log(0.3),
        math.log(1 - 0.2),
        1.0,
        entropy,
        math.log(2),  # 杯 alone is likelier than 背
        *same,
    ]
    torch.testing.assert_close(features[0, 0], torch.tensor(expected))
    second = dict(zip(FEATURES, features[0, 1].tolist(), strict=True))
    assert second["odds"] == pytest.approx(math.log(0.15 / 0.2))
    assert second["first"] == 0
    assert second["rank"] == pytest.approx(math.log(2))


def test_probabilities_against_a_loop():
    weights = {"one": -0.5, "odds": 0.7, "candidate": 0.2, "first": 0.4, "same_sound": 1.5}
    rows = [ROW, [0.01, 0.06, 0.05, 0.69, 0.1, 0.04, 0.03, 0.02]]
    candidates = [[1, 3, 4, 5, 6], [4, 1, 2, 5, 6]]
    found = judge(**weights)(*places(rows, [2, 3]))
    for number, (row, own, others) in enumerate(zip(rows, [2, 3], candidates, strict=True)):
        scores = []
        for place, other in enumerate(others):
            score = -0.5 + 0.7 * math.log(row[other] / row[own]) + 0.2 * math.log(row[other])
            score += 0.4 * (place == 0) + 1.5 * (CHARACTERS[other] in "杯背北")
            scores.append(math.exp(score))
        total = 1 + sum(scores)
        best = max(range(5), key=scores.__getitem__)
        assert int(found.best[number]) == others[best]
        assert float(found.probability[number]) == pytest.approx(scores[best] / total, rel=1e-4)
        rival = max([1.0, *(s for place, s in enumerate(scores) if place != best)])
        assert float(found.lead[number]) == pytest.approx(math.log(scores[best] / rival), rel=1e-3)


def test_sound_decides_between_equals():
    row = [0.0001, 0.3, 0.1, 0.0001, 0.0001, 0.0001, 0.3, 0.2996]
    for weight, expected in ((3.0, "杯"), (-3.0, "天")):
        found = judge(odds=1.0, same_sound=weight)(*places([row], [2]))
        assert CHARACTERS[int(found.best[0])] == expected


def test_places_where_no_other_character_is_likely_are_not_judged():
    sure = [1e-5, LEAST * 0.9, 0.9, 1e-3, 1e-3, 1e-3, 1e-3, 0.07]
    found = judge(one=9.0)(*places([sure, ROW], [2, 2]))
    assert found.probability[0] == 0
    assert found.lead[0] == -math.inf
    assert found.probability[1] > 0.1


def test_what_may_not_be_written_is_never_chosen():
    scores, written, others = places([ROW], [2])
    others[:] = False
    others[0, 4] = True
    found = judge(odds=1.0)(scores, written, others)
    assert int(found.best[0]) == 4
    assert 0 < float(found.probability[0]) < 1
    others[:] = False
    assert float(judge(odds=1.0)(scores, written, others).probability[0]) == 0


def test_no_places():
    found = judge(odds=1.0)(*(part[:0] for part in places([ROW], [2])))
    assert found.best.shape == found.probability.shape == (0,)


def test_the_judge_of_the_package_is_fitted_to_its_encoder():
    saved = json.loads((BUILTIN_FOLDER / FILE).read_text())
    sums = json.loads((BUILTIN_FOLDER / CHECKSUMS).read_text())
    assert saved["encoder"] == sums[BUILTIN_WEIGHTS]
    assert CANDIDATES == 5
    read = Judge.read(BUILTIN_FOLDER, CHARACTERS)
    assert read is not None
    assert read.weights["odds"] > 0
    assert read.weights["same_sound"] > read.weights["near_sound"] > 0
    assert read.weights["shape"] > 0


def test_files(tmp_path):
    assert Judge.read(tmp_path, CHARACTERS) is None
    (tmp_path / FILE).write_text('{"encoder": "x", "weights": {"odds": 1.0}}')
    with pytest.raises(UserError, match=r"judge\.json.*Reinstall"):
        Judge.read(tmp_path, CHARACTERS)
    (tmp_path / FILE).write_text('{"encoder": "x", "wei')
    with pytest.raises(UserError, match=r"judge\.json"):
        Judge.read(tmp_path, CHARACTERS)
