"""sensor devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.cli._show import device_table
from sensor.eventlog.fold import Fold
from tests.cli.conftest import LOG, device


def test_the_table(tell, log: Path) -> None:
    """By type, vendor, model and address, unknown ones last; plain columns; then how many there are."""
    told = tell("devices", "--events", str(log))
    assert told.lines == [
        "TYPE         VENDOR     MODEL  NAME    ADDRESS    MAC                CONFIDENCE  LAST SEEN",
        "camera       Axis       P3245  -       10.0.0.12  00:17:c8:00:00:0c  0.90        2026-11-24T09:20:00Z",
        "camera       Hikvision  -      -       10.0.0.13  00:17:c8:00:00:0d  -           2026-11-24T09:20:00Z gone",
        "printer      Kyocera    -      PRN-3F  10.0.0.10  00:17:c8:00:00:0a  0.88        2026-11-24T09:20:00Z",
        "workstation  -          -      evil    10.0.0.9   00:17:c8:00:00:09  0.60        2026-11-24T09:20:00Z",
        "unknown      -          -      -       10.0.0.11  00:17:c8:00:00:0b  -           2026-11-24T09:20:00Z",
        "5 devices: 2 camera, 1 printer, 1 workstation, 1 unknown",
    ]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["type=camera"], [12, 13]), (["type=camera", "vendor=AXI"], [12]), (["type=camera", "type=printer"], [10, 12, 13]), (["type=cam"], []),
        (["vlan=30"], [10]), (["prn"], [10]), (["10.0.0.1", "hik"], [13]), (["state=gone"], [13]), (["mac=00:0c"], [12]), (["name=evil", "os=windows"], [9]),
        (["contested=type"], [10]),
    ],
)  # fmt: skip
def test_filters(tell, filters: list[str], found: list[int]) -> None:
    """One key twice means either, different keys mean both, words alone are looked for everywhere."""
    told = tell("devices", "--json", *filters)
    assert sorted(int(json.loads(line)["device"]["id"][4:]) for line in told.lines) == found


def test_an_unknown_key(tell) -> None:
    """Wrong usage, with the nearest key."""
    told = tell("devices", "vendr=axis")
    assert (told.code, told.err) == (2, "sensor: no filter 'vendr': did you mean vendor?\n")


def test_none(tell) -> None:
    """An empty table is a sentence."""
    assert tell("devices", "type=scale").out == "no devices\n"


def test_on_a_terminal() -> None:
    """Lines and colours there, less columns where it is narrow; the same devices, and what a peer called itself is no markup."""

    class Terminal:
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            raise OSError

    fold = Fold()
    for record in LOG:
        fold.add(record)
    fold.add(device(9, "workstation", hostname="[red]x"))
    text = device_table(fold, Terminal())  # type: ignore[arg-type]
    assert "\033[1m" in text
    assert "[red]x" in text
    assert "10.0.0.12" in text
    assert "00:17:c8:00:00:0c" not in text
    assert text.endswith("5 devices: 2 camera, 1 printer, 1 workstation, 1 unknown")
