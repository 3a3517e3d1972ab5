"""A sample of the tests: ``pytest -p tests.cases``.

Of a test function with n cases, the square root of n run, at least three. Of the functions that take more than 0.6
seconds of CPU time, mostly because they start programs, a seventh run; ``long_tests.json`` lists them
(``--keep-long``, see ``tests/costs.py``). The seed of ``tests/sampling.py`` draws both. Everything runs in ``make test
CASES=all``, as in CI, and what is selected by an id, ``-k`` or ``--last-failed``.
"""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from math import isqrt
from pathlib import Path

import pytest

from tests import sampling

LEAST, LONG_SHARE = 3, 0.15
LONG = Path(__file__).with_name("long_tests.json")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if sampling.WHOLE or _selected(config):
        return
    run = drawn([item.nodeid for item in items], json.loads(LONG.read_text(encoding="utf-8")))
    dropped = [item for item in items if item.nodeid not in run]
    items[:] = [item for item in items if item.nodeid in run]
    config.hook.pytest_deselected(items=dropped)


def drawn(nodeids: Sequence[str], long: Container[str] = ()) -> set[str]:
    """The ids of the cases that run. ``long``: functions of which a share runs."""
    functions: dict[str, list[str]] = {}
    for nodeid in nodeids:
        functions.setdefault(nodeid.partition("[")[0], []).append(nodeid)
    return {
        nodeid
        for function, cases in functions.items()
        if function not in long or sampling.chance("long", function).random() < LONG_SHARE
        for nodeid in sampling.drawn(cases, max(LEAST, isqrt(len(cases))), function)
    }


def _selected(config: pytest.Config) -> bool:
    option = config.option
    return bool(option.keyword or getattr(option, "lf", False) or any("::" in word for word in config.args))
