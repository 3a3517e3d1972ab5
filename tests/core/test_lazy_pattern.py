"""Regular expressions that are compiled on first use."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import sensor
from sensor.core.lazy_pattern import _Lazy, lazy_pattern


def test_works_like_the_compiled_expression() -> None:
    """Methods and attributes are those of ``re.compile``; an invalid expression raises at the first use."""
    text = r"(?P<vendor>hp)-(\d+)"
    lazy, compiled = lazy_pattern(text, re.IGNORECASE), re.compile(text, re.IGNORECASE)
    for value in ("HP-1020", "xhp-1", "Canon"):
        assert [bool(one.match(value)) for one in (lazy, lazy)] == [bool(compiled.match(value))] * 2
        assert lazy.sub("x", value) == compiled.sub("x", value)
    assert (lazy.pattern, lazy.flags, lazy.groupindex) == (compiled.pattern, compiled.flags, compiled.groupindex)
    assert lazy_pattern(rb"\xff+").findall(b"a\xff\xffb\xff") == [b"\xff\xff", b"\xff"]
    invalid = lazy_pattern("(")
    with pytest.raises(re.error):
        invalid.search("")


def test_all_expressions_of_the_program_are_valid() -> None:
    """Every module constant compiles; there are many."""
    count = 0
    for info in pkgutil.walk_packages(sensor.__path__, "sensor."):
        if info.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, _Lazy):
                count += 1
                assert re.compile(value.pattern, value.flags).pattern == value.pattern
    assert count > 200
