"""The devices of the lab: each is in its own capture, and is identified at once as what its label names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pcaps.lab.devices._network import HERE, DeviceSpec, device_specs
from pcaps.lab.devices.make import generated
from sensor.core.time_units import SECOND
from tests.lab.replays import Replay

ALL = device_specs()
CATEGORIES = {"printer": 10, "voip_phone": 10, "tv": 6, "camera": 6, "conferencing": 8}
LARGEST = 32_768
each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def replays() -> Callable[[DeviceSpec], Replay]:
    """Each capture once."""
    known: dict[str, Replay] = {}
    return lambda one: known.get(one.name) or known.setdefault(one.name, Replay(HERE / f"{one.name}.pcapng"))


def label(value: str, vendor: str) -> str:
    """A model in comparable form: without its vendor, case, spaces and hyphens."""
    return value.casefold().replace(" ", "").replace("-", "").removeprefix(vendor.casefold().replace(" ", ""))


def has_model(one: DeviceSpec, device: dict[str, Any]) -> bool:
    return label(device.get("model", ""), device.get("vendor", "")) == label(one.expect["model"], one.expect["vendor"])


@each
def test_it_is_named(one: DeviceSpec, replays: Callable[[DeviceSpec], Replay]) -> None:
    """Type and vendor always; firmware and serial number where its packets contain them. No message is malformed, and
    no severe alert is raised.
    """
    replay, exact = replays(one), [name for name in one.expect if name != "model"]
    assert {name: replay.devices[one.mac].get(name) for name in exact} == {name: one.expect[name] for name in exact}
    assert (replay.faults, replay.severe) == ([], [])


def test_models_are_named(replays: Callable[[DeviceSpec], Replay]) -> None:
    """Of the devices that show their model, at least 95 % are identified by it."""
    showing = [one for one in ALL if "model" in one.expect]
    mistaken = {
        one.name: device.get("model") for one in showing if not has_model(one, device := replays(one).devices[one.mac])
    }
    assert len(mistaken) <= len(showing) * 0.05, mistaken


@each
def test_it_is_reported_within_a_second(one: DeviceSpec, replays: Callable[[DeviceSpec], Replay]) -> None:
    """The first event comes within a second of packet time after the first packet with an observation."""
    replay = replays(one)
    assert replay.reported_at[one.mac] <= replay.received[one.mac] + SECOND


def test_all_categories_are_there() -> None:
    """Each category has as many devices as there are vendors to identify."""
    kinds = [one.expect["type"] for one in ALL]
    assert {kind: kinds.count(kind) >= least for kind, least in CATEGORIES.items()} == dict.fromkeys(CATEGORIES, True)
    assert len({one.mac for one in ALL}) == len(ALL)


@each
def test_it_is_made_again_byte_for_byte(one: DeviceSpec, tmp_path: Path) -> None:
    """The program reproduces the committed capture, which is small."""
    generated(one).capture.write(tmp_path / "again.pcapng", "pcaps/lab/devices/make.py")
    committed = (HERE / f"{one.name}.pcapng").read_bytes()
    assert (tmp_path / "again.pcapng").read_bytes() == committed
    assert len(committed) < LARGEST
