"""Alerts and recommendations name device types by their labels (`core/type_labels.py`), not by their codes."""

from __future__ import annotations

import ast

from tests.principles._source import name_of, python_files, trees_with, walk


def test_no_sentence_contains_the_code_of_a_type() -> None:
    """In formatted texts of detectors, alerts and posture, no attribute ``type`` is inserted as it is."""
    rooms = ("detectors", "alerts", "posture")
    assert len(python_files(*rooms)) > 200
    trees = trees_with(r"\{[^{}\n]*\.type\b", *rooms)
    assert [f"{name_of(path)}:{line}" for path, tree in trees for line in lines_with_codes(tree)] == []


def test_a_code_is_found() -> None:
    """Alone, and with underscores replaced; a label is no code."""
    source = """
f"a {device.type}"
f"a {device.type.replace('_', ' ')}"
f"{a_type(device.type)} {device.label}"
"""
    assert lines_with_codes(ast.parse(source)) == [2, 3]


def lines_with_codes(tree: ast.Module) -> list[int]:
    formatted = (node for node in walk(tree) if isinstance(node, ast.FormattedValue))
    return sorted(node.lineno for node in formatted if any(map(is_type, parts_of(node.value))))


def parts_of(value: ast.expr) -> list[ast.expr]:
    """The value, and the text that its methods change."""
    method = isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute)
    return [value, value.func.value] if method else [value]


def is_type(value: ast.expr) -> bool:
    return isinstance(value, ast.Attribute) and value.attr == "type"
