"""Types of arrays, by what they hold.

The aliases are text until a type checker reads them: numpy is not imported for their sake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Integers: TypeAlias = "NDArray[np.int64]"
Booleans: TypeAlias = "NDArray[np.bool_]"
Numbers: TypeAlias = "NDArray[np.int64] | NDArray[np.float64]"
"""Counts as they are, or summed with weights."""
