"""A sample of the cases of each parametrized test: ``pytest -p tests.cases``.

Every test function runs; of one with n cases, the square root of n run, at least three. The seed of
``tests/sampling.py`` draws them. All cases run in ``make test-all``, and when tests are selected by an id, ``-k`` or
``--last-failed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import pytest

from tests import sampling

LEAST = 3


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if sampling.WHOLE or _selected(config):
        return
    run = drawn([item.nodeid for item in items])
    dropped = [item for item in items if item.nodeid not in run]
    items[:] = [item for item in items if item.nodeid in run]
    config.hook.pytest_deselected(items=dropped)


def drawn(nodeids: Sequence[str]) -> set[str]:
    """The ids of the cases that run."""
    functions: dict[str, list[str]] = {}
    for nodeid in nodeids:
        functions.setdefault(nodeid.partition("[")[0], []).append(nodeid)
    return {
        nodeid
        for function, cases in functions.items()
        for nodeid in sampling.drawn(cases, max(LEAST, isqrt(len(cases))), function)
    }


def _selected(config: pytest.Config) -> bool:
    option = config.option
    return bool(option.keyword or getattr(option, "lf", False) or any("::" in word for word in config.args))
