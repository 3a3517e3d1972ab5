"""Numpy types of the rows of a window; ``window_rows.pxd`` has the structs of the same memory."""

from __future__ import annotations

import numpy as np

# Of a pair: counted, waiting, met. Buckets of a window.
STATES, BUCKETS = 3, 8

KEY = np.dtype([
    ("reported", "i8"), ("reported_count", "u4"), ("generation", "u4"), ("totals", "u4", STATES),
    ("counts", "u4", STATES * BUCKETS), ("spare", "u4"),
])  # fmt: skip
PAIR = np.dtype([
    ("tag", "u8"), ("bucket", "i8"), ("slot", "u4"), ("generation", "u4"), ("birth", "u4"), ("weight", "u2"),
    ("state", "u2"),
])  # fmt: skip
WAIT = np.dtype([("due", "i8"), ("pair", "u4"), ("birth", "u4")])
