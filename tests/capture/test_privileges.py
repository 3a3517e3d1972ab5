"""Threads that keep the privileges of the capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.capture import privileges


def test_a_thread_that_ends_meanwhile_keeps_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status is gone when it is read; the others are reported."""
    monkeypatch.setattr(privileges, "Path", lambda _: tmp_path)
    for thread in ("7", "8", "9"):
        (tmp_path / thread).mkdir()
    (tmp_path / "8" / "status").write_text("Name:\tsensor\nCapPrm:\t0000000000002000\n")
    (tmp_path / "9" / "status").write_text("Name:\tsensor\nCapPrm:\t0000000000000000\n")
    assert privileges.privileged_threads() == [8]
