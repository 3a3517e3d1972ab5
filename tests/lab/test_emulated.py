"""Recordings of real programs that behave like known devices: each is identified. Recording them again requires the
programs; this test does not.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sensor.core.time_units import SECOND
from tests.lab.replays import Replay

FOLDER = Path(__file__).resolve().parents[2] / "pcaps" / "lab" / "emulated"
EXPECTED: dict[str, dict[str, dict[str, str]]] = yaml.safe_load((FOLDER / "expect.yaml").read_text(encoding="utf-8"))
LARGEST = 200_000


@pytest.mark.parametrize("capture", EXPECTED)
def test_devices_are_identified_within_a_second(capture: str) -> None:
    """Each is identified from the first packet with an observation; no message is malformed, and no severe alert is
    raised.
    """
    replay, expected = Replay(FOLDER / f"{capture}.pcap"), EXPECTED[capture]
    assert {
        mac: {name: replay.devices[mac].get(name, "unknown") for name in wanted} for mac, wanted in expected.items()
    } == expected
    late = {mac: replay.reported_at[mac] - replay.received[mac] for mac in expected if mac in replay.received}
    assert {mac: wait for mac, wait in late.items() if wait > SECOND} == {}
    assert (replay.faults, replay.severe) == ([], [])


def test_every_recording_is_expected_and_small() -> None:
    """Each recording has the program that made it beside it."""
    assert {path.stem for path in FOLDER.glob("*.pcap")} == EXPECTED.keys()
    assert all(
        (FOLDER / f"{name}.py").is_file() and (FOLDER / f"{name}.pcap").stat().st_size < LARGEST for name in EXPECTED
    )
