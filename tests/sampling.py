"""What is exhaustive: whole in ``make test-all``, a sample of it in ``make test``.

``SENSOR_SEED`` gives the seed of the samples (default: another one each run, printed at the begin of a run and behind
its failures); ``SENSOR_WHOLE=1`` runs everything. The same seed gives the same sample, whichever tests run beside it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

# In the environment, so that processes that tests start take the same.
SEED = int(os.environ.setdefault("SENSOR_SEED", str(secrets.randbelow(1_000_000))))
WHOLE = os.environ.get("SENSOR_WHOLE", "") not in ("", "0")


def count(whole: int, sampled: int) -> int:
    """How many examples a test tries."""
    return whole if WHOLE else sampled


def chance(*words: object) -> Random:
    """Random numbers of the seed and of the words that name their use."""
    return Random(" ".join(map(str, (SEED, *words))))


def drawn(items: Sequence[Item], most: int, *words: object) -> list[Item]:
    """As ``some``, where no end of the items is worth more than another."""
    if WHOLE or len(items) <= most:
        return list(items)
    return [items[at] for at in sorted(chance(*words).sample(range(len(items)), most))]


def some(items: Sequence[Item], most: int, *words: object) -> list[Item]:
    """All items in a whole run; else at most so many of them in their order, the first and the last always among them.
    ``words`` name the use.
    """
    if WHOLE or len(items) <= most:
        return list(items)
    inner = sorted(chance(*words).sample(range(1, len(items) - 1), most - 2))
    return [items[at] for at in (0, *inner, len(items) - 1)]
