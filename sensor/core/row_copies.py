"""Copies of rows of structured arrays, made byte by byte: numpy copies rows field by field when they are copied,
concatenated or indexed (except by ``take`` and ``compress``), which takes twenty times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]


def copied(rows: Rows) -> Rows:
    """``rows.copy()``."""
    return _as_bytes(rows).copy().view(rows.dtype)


def concatenated(parts: Sequence[Rows]) -> Rows:
    """``np.concatenate(parts)``, for rows of one type."""
    return np.concatenate([_as_bytes(part) for part in parts]).view(parts[0].dtype)


def _as_bytes(rows: Rows) -> Rows:
    return rows.view(np.dtype((np.void, rows.dtype.itemsize)))
