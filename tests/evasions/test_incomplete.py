"""One-way captures, and captures with truncated frames: the alerts that depend on them and the end of a replay report
it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.config import load_config
from sensor.core.record import Record
from sensor.runtime.assembly import assemble
from tests import sampling
from tests.evasions import packets
from tests.evasions.frames import Frame, read
from tests.golden import Golden
from tests.kit import batch_of

ATTACKS = Path(__file__).parents[2] / "pcaps/lab/attacks"
SERVICE = "lateral_movement.remote_service"
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


def alerts(frames: Sequence[Frame], batch: int = 4096) -> list[dict[str, Any]]:
    """The bodies of the alerts of a capture that is read in batches of this many frames."""
    records: list[Record] = []
    engine = assemble(load_config(None), records.append)
    for start in range(0, len(frames), batch):
        part = frames[start : start + batch]
        rows = batch_of([one.data for one in part], times=[one.ts for one in part], wire=[one.wire for one in part])
        engine.process(rows)
        rows.release()
    engine.finish()
    return [record.alert for record in records if record.kind == "alert" and isinstance(record.alert, dict)]


def lacks(found: Sequence[dict[str, Any]], detector: str) -> list[list[str]]:
    """The missing data that the alerts of a detector report."""
    return [alert.get("incomplete", []) for alert in found if alert["detector"] == detector]


def test_one_direction() -> None:
    """An alert from the client's packets only is marked as one-way; one from the whole capture is not."""
    whole = read(ATTACKS / "windows_psexec.pcap")
    assert {tuple(one) for one in lacks(alerts(whole), SERVICE)} == {()}
    half = alerts(packets.one_sided(whole))
    assert {tuple(one) for one in lacks(half, SERVICE)} == {("one_way",)}
    assert all(
        sum("one direction" in reason for reason in alert["why"]) == 1 for alert in half if "incomplete" in alert
    )


@pytest.mark.parametrize("size", [1, 7])
def test_batches_make_no_difference(size: int) -> None:
    """The result does not depend on whether the other direction is in the same batch."""
    for frames in (read(ATTACKS / "windows_psexec.pcap"), packets.one_sided(read(ATTACKS / "windows_psexec.pcap"))):
        assert lacks(alerts(frames, size), SERVICE) == lacks(alerts(frames), SERVICE)


def _python_only(*_: object) -> None:
    """No native dissectors."""


@pytest.mark.parametrize("change", [packets.snapped(256), packets.lossy(0.02)], ids=["truncated", "lossy"])
def test_guessing_over_ssh(change: Callable[[list[Frame]], list[Frame]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing over SSH is found in truncated frames and with packet loss, for any batch size, also without native
    dissectors.
    """
    frames = change(read(ATTACKS / "guessing_ssh.pcap"))
    found = alerts(frames)
    assert {"credential_access.password_guessing", "credential_access.session_guessing"} <= _names(found)
    for size in sampling.drawn((1, 7), 1, "sizes of batches of guesses"):
        assert alerts(frames, size) == found
    monkeypatch.setattr("sensor.engine.pipeline.reading", _python_only)
    assert alerts(frames) == found


@pytest.mark.parametrize("seed", range(3))
def test_guessing_over_ssh_with_other_losses(seed: int) -> None:
    """Whichever frames are lost."""
    chance = Random(seed)
    frames = [frame for frame in read(ATTACKS / "guessing_ssh.pcap") if chance.random() >= 0.02]
    assert "credential_access.password_guessing" in _names(alerts(frames))


def _names(found: Sequence[dict[str, Any]]) -> set[str]:
    return {alert["detector"] for alert in found}


def test_truncated_frames() -> None:
    """An alert from frames longer than the snapshot length is marked as truncated; one from the whole file is not."""
    whole = read(ATTACKS / "windows_transfer.pcap")
    transfer = "lateral_movement.tool_transfer"
    assert {tuple(one) for one in lacks(alerts(whole), transfer)} == {()}
    assert ["truncated"] in lacks(alerts(packets.snapped(256)(whole)), transfer)


def test_the_end_of_a_replay(golden: Golden, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line reports both; a complete capture has no such line."""
    frames = read(ATTACKS / "windows_psexec.pcap")
    reported = [
        _replayed(tmp_path / name, kept, capsys)
        for name, kept in (("whole.pcap", frames), ("half.pcap", packets.snapped(256)(packets.one_sided(frames))))
    ]
    assert "incomplete capture" not in reported[0]
    last = reported[1].splitlines()[-1]
    assert last.startswith("incomplete capture: ")
    assert "truncated frames: " in last
    golden(last, "only: 1")


def _replayed(path: Path, frames: Sequence[Frame], capsys: pytest.CaptureFixture[str]) -> str:
    """The output of a replay of a file with these frames."""
    heads = [struct.pack("<IIII", one.ts // 10**9, one.ts % 10**9 // 1000, len(one.data), one.wire) for one in frames]
    path.write_bytes(PCAP_HEADER + b"".join(head + one.data for head, one in zip(heads, frames, strict=True)))
    assert main(["replay", str(path), "--state", str(path.with_suffix(""))]) == 0
    return capsys.readouterr().out
