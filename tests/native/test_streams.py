"""Some cases of the fuzzer of native dissectors of TCP streams."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests import sampling
from tests.native import stream_mill

CASES = sampling.repeated(500, 20)


@pytest.mark.endurance
def test_changed_conversations() -> None:
    """In a separate process: a read behind a segment ends it, and the last dissector named is at fault."""
    words = [sys.executable, "-m", "tests.native.stream_mill", "--cases", str(CASES), "--seed", str(sampling.SEED)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == list(stream_mill.KINDS)
    assert all(int(line[4].replace(",", "")) > CASES for line in lines)


def test_it_finds_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of the case is reported, so that it can be repeated."""
    read = stream_mill.received

    def deaf(frames: list[bytes], unit: Any, *, native: bool, **more: Any) -> Any:
        return read(frames[:2] if native else frames, unit, native=native, **more)

    monkeypatch.setattr(stream_mill, "received", deaf)
    assert stream_mill.grind("tls", 50, 60, 1).fault.startswith("case ")
