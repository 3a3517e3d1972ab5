"""A device that several sensors of a site see is one device in all lists and numbers of the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from sensor.cli.main import main
from sensor.hub.counts import correct_counts
from sensor.hub.database import Connection
from sensor.hub.device_values import DeviceValues
from sensor.hub.entities import identify, separate
from sensor.hub.report_log import Span, write_log
from sensor.hub.views.backend import HubBackend
from sensor.hub.views.fleet import sites
from sensor.hub.views.query import Reader
from sensor.inventory.corrections import Correction
from sensor.views.devices import DeviceFilter
from tests.hub.hub_kit import PARIS, SITE, HubServers
from tests.hub.test_states import NOW, check, device, write, write_earlier

MAC, OTHER = "3c:d9:2b:01:02:03", "3c:d9:2b:01:02:04"
CAMERA = {"macs": [MAC], "type": "camera", "vendor": "Axis", "confidence": 0.9, "ips": ["10.1.2.3"]}


@pytest.fixture
def base(servers: HubServers) -> Iterator[Connection]:
    with servers.with_three_sensors() as base:
        yield base


def ids(base: Connection, wanted: DeviceFilter | None = None, site: str | None = None) -> list[str]:
    """Ids in the list, of which facets and totals have the number."""
    page = HubBackend(Reader(base, None if site is None else (site,))).devices(wanted or DeviceFilter())
    assert page.total == len(page.rows) == sum(page.facets["type"].values()) == sum(page.facets["vlan"].values())
    return sorted(row.id for row in page.rows)


def numbers(base: Connection) -> dict[str, int]:
    """Devices of each site on the overview."""
    return {one.site: one.devices for one in sites(Reader(base)) if one.devices}


def test_one_device_of_three_sensors_at_two_sites(base: Connection) -> None:
    """It counts once at each site; the row that knows the type is listed, and names the other sensor."""
    write(base, [device("dev-a", 1, macs=[MAC]), device("dev-b", 2, sensor=2, **CAMERA), device("dev-x", 3)])
    write(base, [device("dev-c", 4, sensor=3, site=PARIS, **CAMERA)])
    assert numbers(base) == {SITE: 3, PARIS: 1}
    identify(base)
    check(base)
    assert numbers(base) == {SITE: 2, PARIS: 1}
    assert ids(base) == ["1.dev-x", "2.dev-b", "3.dev-c"]
    assert ids(base, DeviceFilter(type=("camera",)), SITE) == ["2.dev-b"]
    assert ids(base, DeviceFilter(type=("unknown",))) == ["1.dev-x"]
    origins = {row.id: row.device["sensor"].get("others") for row in HubBackend(Reader(base)).devices().rows}
    assert origins == {"1.dev-x": None, "2.dev-b": ["s1"], "3.dev-c": None}
    elsewhere = HubBackend(Reader(base)).device("1.dev-a")["elsewhere"]
    assert [one["device"] for one in elsewhere] == ["3.dev-c", "2.dev-b"]


@pytest.mark.parametrize("writer", [write, write_earlier])
def test_what_decides_which_row_is_listed(base: Connection, writer: Any) -> None:
    """Confidence; a sensor that no longer sees the device; one where it is gone. Counts follow each writer."""
    write(base, [device("dev-a", 1, **CAMERA | {"confidence": 0.6}), device("dev-b", 2, sensor=2, **CAMERA)])
    for change, listed in (
        (device("dev-a", 3, **CAMERA | {"confidence": 0.92}), "2.dev-b"),  # hardly more: the row stays
        (device("dev-a", 4, **CAMERA | {"confidence": 1.0}), "1.dev-a"),
        (device("dev-b", 5, sensor=2, **CAMERA | {"last": NOW + timedelta(hours=2)}), "2.dev-b"),
        (device("dev-b", 6, sensor=2, **CAMERA | {"last": NOW + timedelta(hours=2), "gone": True}), "1.dev-a"),
        (device("dev-a", 7, **CAMERA | {"type": "printer"}), "1.dev-a"),
    ):
        identify(base)
        writer(base, [change])
        check(base)
        identify(base)
        check(base)
        assert ids(base) == [listed]
    assert ids(base, DeviceFilter(type=("printer",))) == ["1.dev-a"]


def test_a_search_finds_what_any_sensor_knows(base: Connection, servers: HubServers, capsys: Any) -> None:
    """An address or a name that only the other sensor knows finds the device, in lists and with the command."""
    write(base, [device("dev-a", 1, macs=[MAC], ips=["10.9.9.9"], name="backstage")])
    write(base, [device("dev-b", 2, sensor=2, **CAMERA)])
    identify(base)
    for wanted in DeviceFilter(text="backstage"), DeviceFilter(address="10.9.9.9"), DeviceFilter(address="10.1.2.3"):
        assert ids(base, wanted) == ["2.dev-b"]
    for arguments in (), ("--find", "10.9.9.9"), ("--sensor", "s1"), ("--sensor", "s2", "--find", "10.1.2.3"):
        capsys.readouterr()
        assert main(["hub", "devices", "--json", *arguments, "--config", str(servers.config)]) == 0
        [row] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert (row["id"], row["sensor"], row["others"]) == ("dev-b", "s2", ["s1"])
    assert main(["hub", "devices", "--json", "--find", "10.9.9.8", "--config", str(servers.config)]) == 0
    assert capsys.readouterr().out == ""


def test_values_of_operators_stay_with_the_device(base: Connection) -> None:
    """They are shown whichever row is listed, and can be undone; separated devices have their own."""
    write(base, [device("dev-a", 1, **CAMERA), device("dev-b", 2, sensor=2, **CAMERA)])
    DeviceValues(base, "pia").correct([Correction("2.dev-b", "owner", "facilities", "pia", 0, "", "")])
    identify(base)
    assert ids(base, DeviceFilter(owner="facilities")) == ["1.dev-a"]
    [number] = DeviceValues(base, "pia").correct([Correction("1.dev-a", "owner", "security", "pia", 0, "", "")])
    shown = HubBackend(Reader(base)).device("2.dev-b")
    assert shown["device"]["owner"] == "security"
    assert [one["what"] for one in shown["history"]] == ["owner=facilities", "owner=security"]
    DeviceValues(base, "pia").undo(number)
    assert ids(base, DeviceFilter(owner="facilities")) == ["1.dev-a"]
    separate(base, "s1/dev-a", "s2/dev-b", "pia", "")
    identify(base)
    check(base)
    assert ids(base) == ["1.dev-a", "2.dev-b"]
    assert ids(base, DeviceFilter(owner="facilities")) == ["2.dev-b"]


def test_different_devices_stay_two(base: Connection) -> None:
    """The same address at two sensors joins nothing, and neither does a name that contradicts."""
    write(base, [device("dev-a", 1, macs=[MAC], ips=["10.1.2.3"]), device("dev-b", 2, sensor=2, macs=[OTHER])])
    write(base, [device("dev-c", 3, sensor=2, macs=["02:00:00:00:00:01"], ips=["10.1.2.3"])])
    identify(base)
    assert ids(base) == ["1.dev-a", "2.dev-b", "2.dev-c"]


def test_wrong_counts_are_corrected(base: Connection) -> None:
    """Such as after the upgrade of several workers, of which one did not know listed rows."""
    write(base, [device("dev-a", 1, **CAMERA), device("dev-b", 2, sensor=2, **CAMERA)])
    identify(base)
    base.execute("INSERT INTO device_counts VALUES ('HQ', 'camera', 'Axis', false, 3), ('x', 'nas', '', true, -1)")
    base.execute("INSERT INTO vlan_counts VALUES ('HQ', 10, -5)")
    correct_counts(base)
    check(base)


@pytest.mark.parametrize(
    ("mac", "kind", "ip", "joined"),
    [
        ("da:4c:1e:77:30:8b", "mobile", "10.1.2.3", True),  # a phone with a random MAC
        ("74:83:c2:10:4e:01", "router", "10.1.2.3", True),
        ("da:4c:1e:77:30:8b", "mobile", "10.1.2.4", False),
        ("74:83:c2:10:4e:01", "router", "10.1.2.4", False),
        ("02:42:0a:01:02:03", "server", "10.1.2.3", False),  # a container, whose MAC follows from its address
        ("00:00:5e:00:01:0a", "router", "10.1.2.3", False),  # VRRP
    ],
)
def test_a_mac_that_is_not_unique_needs_the_same_address(
    base: Connection, mac: str, kind: str, ip: str, joined: bool
) -> None:
    """Joined within a site only."""
    write(base, [device("dev-a", 1, macs=[mac], type=kind, ips=["10.1.2.3"])])
    write(base, [device("dev-b", 2, sensor=2, macs=[mac], type=kind, ips=[ip])])
    write(base, [device("dev-c", 3, sensor=3, site=PARIS, macs=[mac], type=kind, ips=["10.1.2.3"])])
    identify(base)
    check(base)
    assert ids(base) == (["1.dev-a", "3.dev-c"] if joined else ["1.dev-a", "2.dev-b", "3.dev-c"])


def test_a_report_has_each_device_once(base: Connection, tmp_path: Any) -> None:
    write(base, [device("dev-a", 1, **CAMERA), device("dev-b", 2, sensor=2, **CAMERA)])
    identify(base)
    with base.transaction():
        write_log(base, Span(SITE, NOW - timedelta(days=1), NOW + timedelta(days=1)), tmp_path / "log")
    records = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert len([record for record in records if "device" in record]) == 1
