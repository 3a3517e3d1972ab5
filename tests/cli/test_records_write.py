"""sensor records write: it reports what it does, or waits for, until it is stopped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked


@pytest.mark.parametrize(("handed_over", "first"), [(False, "waiting for traffic"), (True, "writing traffic")])
def test_what_it_does(tmp_path: Path, handed_over: bool, first: str) -> None:
    """A folder without a sensor is named in the first line: the command waits for one."""
    folder = tmp_path / "records"
    if handed_over:
        (folder / "tail").mkdir(parents=True)
    command = [sys.executable, "-m", "sensor", "records", "write", "--records", str(folder), "--config", "/dev/null"]
    with forked.started(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.terminate()
        assert process.wait(20) == 0
    assert line.startswith(f"sensor: {first}")
    assert str(folder) in line
