from __future__ import annotations

import gc
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.metrics.significance import holm


@pytest.fixture(autouse=True, scope="module")
def _quick_collections():
    """Statsmodels collects garbage at every correction, which takes long beside torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gc, "collect", lambda *_: 0)
        yield


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []
    with pytest.raises(ValueError):
        holm([0.1, math.nan])


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_falls(values):
    found = holm(values)
    assert all(new >= old - 1e-12 for new, old in zip(found, values, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(found)[order]) >= -1e-12).all()
