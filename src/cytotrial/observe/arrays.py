"""Names for the arrays of the clinic: one number, flag or code per patient. No arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
CodeArray = npt.NDArray[np.int8]

# Two visits a second apart are one visit: times are sums of decimal hours.
TIME_TOLERANCE_HOURS = 1.0 / 3600.0
