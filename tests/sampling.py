"""Exhaustive tests: complete in ``make test-all``, a sample in ``make test``. Tests that repeat kills, damages or
random trials repeat them often in ``make test-endurance`` only.

``SENSOR_SEED`` is the seed of the samples (default: random for each run, printed at its begin and after its failures);
``SENSOR_WHOLE=1`` runs everything, ``SENSOR_ENDURANCE=1`` with many repetitions. The same seed gives the same sample,
whichever other tests run.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

# In the environment, so that processes of tests use the same.
SEED = int(os.environ.setdefault("SENSOR_SEED", str(secrets.randbelow(1_000_000))))
ENDURANCE = os.environ.get("SENSOR_ENDURANCE", "") not in ("", "0")
WHOLE = ENDURANCE or os.environ.get("SENSOR_WHOLE", "") not in ("", "0")


def count(whole: int, sampled: int) -> int:
    """The number of cases that a test tries."""
    return whole if WHOLE else sampled


def repeated(often: int, usually: int) -> int:
    """The number of repetitions of a test with the marker ``endurance``."""
    return often if ENDURANCE else usually


def chance(*words: object) -> Random:
    """A random generator from the seed and the words that name its use."""
    return Random(" ".join(map(str, (SEED, *words))))


def drawn(items: Sequence[Item], most: int, *words: object) -> list[Item]:
    """Like ``some``, without always including the first and the last item."""
    if WHOLE or len(items) <= most:
        return list(items)
    return [items[at] for at in sorted(chance(*words).sample(range(len(items)), most))]


def some(items: Sequence[Item], most: int, *words: object) -> list[Item]:
    """All items in a full run; otherwise at most this many in their order, always with the first and the last.
    ``words`` name the use.
    """
    if WHOLE or len(items) <= most:
        return list(items)
    inner = sorted(chance(*words).sample(range(1, len(items) - 1), most - 2))
    return [items[at] for at in (0, *inner, len(items) - 1)]
