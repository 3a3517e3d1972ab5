"""Golden files: the texts that tests compare, in one YAML file for each test module, where they are edited.

A test calls ``golden(text)``; its first call compares with the first entry of its name, and so on. Paths of the run are
replaced. ``SENSOR_GOLDEN=write pytest FILE`` rewrites the file: read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

WRITE = os.environ.get("SENSOR_GOLDEN") == "write"


def file_of(module: Path) -> Path:
    """``golden/test_x.yaml`` beside ``test_x.py``."""
    return module.parent / "golden" / f"{module.stem}.yaml"


def stored(path: Path) -> dict[str, list[Any]]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


class Golden:
    """The texts of one test. ``base``: the folder of the run, which is different each time."""

    def __init__(self, path: Path, name: str, base: Path) -> None:
        self._path, self._name = path, name
        self._run = re.compile(rf"{re.escape(str(base))}(?:/[^/\s'\":,]+)?")
        self.expected, self.found = stored(path).get(name, []), list[Any]()

    def __call__(self, value: object, having: str = "") -> None:
        """Compares text, or values that contain text. ``having``: only lines or items that contain this."""
        lines = value.splitlines() if isinstance(value, str) and having else value
        if having:
            lines = [line for line in lines if having in line]  # type: ignore[attr-defined]
        self.found.append(self._plain(lines))
        if not WRITE:
            assert self.found[-1:] == self.expected[len(self.found) - 1 :][:1]

    def end(self) -> None:
        """Writes the texts, or checks that every stored entry was compared."""
        if WRITE:
            texts = stored(self._path) | {self._name: self.found}
            self._path.parent.mkdir(exist_ok=True)
            text = yaml.safe_dump(texts, allow_unicode=True, width=110)
            self._path.write_text(text, encoding="utf-8")
        else:
            assert len(self.found) == len(self.expected)

    def _plain(self, value: object) -> Any:
        text = msgspec.json.encode(value, enc_hook=lambda some: sorted(some) if isinstance(some, set) else str(some))
        return self._replaced(msgspec.json.decode(text))

    def _replaced(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._run.sub("RUN", value)
        if isinstance(value, list):
            return [self._replaced(one) for one in value]
        return {key: self._replaced(one) for key, one in value.items()} if isinstance(value, dict) else value


@pytest.fixture
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Golden]:
    one = Golden(file_of(request.path), request.node.name, tmp_path_factory.getbasetemp())
    yield one
    if one.found or not WRITE:
        one.end()
