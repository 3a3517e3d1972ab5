"""The office capture of pcaps/ through the program: exactly the planted attacks are found, every device is identified,
and every line matches the schema.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dpkt
import jsonschema
import pytest

import sensor.eventlog
from pcaps._office_hosts import Device, all_devices
from tests.forked import run

Line = dict[str, Any]
SCANNER, FILES, CAMERA, LISTENER, LISTED = "10.20.10.106", "10.20.10.5", "10.20.10.61", "10.20.10.62", "203.0.113.66"
SEVERE = ("medium", "high", "critical")
ADDRESS_SCAN, PORT_SCAN = "discovery.address_scan", "discovery.port_scan"
LATERAL, CONTROL = "lateral_movement.admin_from_device", "command_and_control.malicious_address"


@pytest.fixture(scope="module")
def replay(root: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "sensor",
        "replay",
        "pcaps/office.pcapng",
        "--intel",
        "pcaps/office.intel.txt",
        "--events",
        "-",
    ]
    return run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)


@pytest.fixture(scope="module")
def lines(replay: subprocess.CompletedProcess[str]) -> list[Line]:
    return [json.loads(line) for line in replay.stdout.splitlines()]


@pytest.fixture(scope="module")
def devices(lines: list[Line]) -> dict[str, Line]:
    """The last record of each device, by MAC."""
    return {mac: line["device"] for line in lines if line["kind"] == "device" for mac in line["device"].get("macs", ())}


@pytest.fixture(scope="module")
def sizes(root: Path) -> list[int]:
    """Bytes of each packet, as counted by another reader."""
    with (root / "pcaps" / "office.pcapng").open("rb") as file:
        return [len(frame) for _, frame in dpkt.pcapng.Reader(file)]


def exactly(number: int, lines: list[Line], where: Callable[[Line], bool]) -> list[Line]:
    """The matching lines, whose number must be exact."""
    found = [line for line in lines if where(line)]
    assert len(found) == number, [line["msg"] for line in found]
    return found


def opened(lines: list[Line], detector: str) -> Line:
    """The only alert of a detector."""
    [line] = exactly(
        1,
        lines,
        lambda line: line["kind"] == "alert" and line["action"] == "open" and line["alert"]["detector"] == detector,
    )
    return line


def latest(lines: list[Line], detector: str) -> Line:
    """The last record of the alert of a detector."""
    return [line for line in lines if line["kind"] == "alert" and line["alert"]["detector"] == detector][-1]


def techniques(line: Line) -> set[str]:
    return {attack["technique"] for attack in line["alert"]["attack"]}


def test_it_ends_well(replay: subprocess.CompletedProcess[str], sizes: list[int]) -> None:
    """Exit code 0, no warnings, and tables beside the events."""
    assert replay.returncode == 0, replay.stderr
    assert "Traceback" not in replay.stderr
    assert "left out" not in replay.stderr
    assert f"{len(sizes):,} packets" in replay.stderr


def test_every_line_keeps_the_schema(lines: list[Line]) -> None:
    """Each line is validated against the published schema."""
    schema = json.loads((Path(sensor.eventlog.__file__).parent / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert [(line["msg"], error.message) for line in lines for error in validator.iter_errors(line)] == []


def test_numbers_have_no_gap(lines: list[Line]) -> None:
    """From 1 on without a gap; no id twice."""
    assert [line["sensor"]["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert len({line["id"] for line in lines}) == len(lines)


def test_begin_sum_and_end_are_reported_once(lines: list[Line]) -> None:
    """Exactly one each, in their places, and no event about the sensor's health."""
    assert [(place, line["action"]) for place, line in enumerate(lines) if line["kind"] == "sensor"] == [
        (0, "started"),
        (len(lines) - 2, "summary"),
        (len(lines) - 1, "stopped"),
    ]


def test_the_sum_is_what_is_in_the_file(lines: list[Line], sizes: list[int]) -> None:
    """Packets and bytes as counted by another reader; no faults, drops or malformed packets."""
    capture = lines[-2]["capture"]
    assert (capture["packets"], capture["decoded"], capture["bytes"]) == (len(sizes), len(sizes), sum(sizes))
    assert (capture["malformed"], capture["dropped"], capture["truncated"]) == (0, 0, 0)
    assert not {"anomalies", "faults", "damages"} & capture.keys()


def test_the_planted_alerts_are_there(lines: list[Line]) -> None:
    """Each planted alert is raised once, and updates are of these only; every actor of a severe record is a planted
    one.
    """
    alerts = [line for line in lines if line["kind"] == "alert"]
    opened_by = Counter(line["alert"]["detector"] for line in alerts if line["action"] == "open")
    assert {name: opened_by[name] for name in (ADDRESS_SCAN, PORT_SCAN, LATERAL, CONTROL)} == dict.fromkeys(
        (ADDRESS_SCAN, PORT_SCAN, LATERAL, CONTROL), 1
    )
    assert {line["src"]["ip"] for line in alerts if line["severity"] in SEVERE} == {SCANNER, CAMERA, LISTENER}
    known = {line["alert"]["id"] for line in alerts if line["action"] == "open"}
    exactly(0, alerts, lambda line: line["alert"]["id"] not in known)
    exactly(
        0,
        lines,
        lambda line: line["kind"] not in ("alert", "incident", "recommendation") and line["severity"] in SEVERE,
    )


def test_what_should_be_set_otherwise(lines: list[Line]) -> None:
    """Open RTSP cameras, SIP phones in cleartext, default names of printers and cameras, cloud connections and
    unsupported Windows 10 are recommendations, and none is an alert.
    """
    reported = exactly(16, lines, lambda line: line["kind"] == "recommendation")
    assert {line["action"] for line in reported} == {"open"}
    found = {(line["src"]["ip"], line["recommendation"]["setting"]) for line in reported}
    named = {*(f"10.20.10.{host}" for host in (21, 22, 23, 24)), CAMERA, LISTENER}
    assert found == {(ip, "default_name") for ip in named} | {
        (CAMERA, "rtsp_open"), (LISTENER, "rtsp_open"), (LISTENER, "internet"), ("10.20.10.21", "internet"),
        ("10.20.10.1", "dhcp_server"), ("10.20.20.5", "sip_clear"), ("10.20.20.5", "sip_weak"),
        *((f"10.20.10.{host}", "end_of_life") for host in (101, 102, 103)),
    }  # fmt: skip
    exactly(0, lines, lambda line: line["kind"] == "alert" and line["alert"]["detector"] == "posture.insecure_service")


def test_they_are_three_incidents(lines: list[Line]) -> None:
    """The laptop that scanned twice has one incident of several chapters; each camera has its own."""
    last = {line["incident"]["id"]: line for line in lines if line["kind"] == "incident"}
    stories = {line["src"]["ip"]: line for line in last.values()}
    assert stories.keys() == {SCANNER, CAMERA, LISTENER}
    assert len(last) == 3
    chapters = {ip: [chapter["detector"] for chapter in line["incident"]["story"]] for ip, line in stories.items()}
    assert [name for name in chapters[SCANNER] if name in (ADDRESS_SCAN, PORT_SCAN)] == [ADDRESS_SCAN, PORT_SCAN]
    assert LATERAL in chapters[CAMERA]
    assert CONTROL in chapters[LISTENER]
    assert stories[LISTENER]["severity"] == "critical"
    assert stories[SCANNER]["msg"].startswith(f"workstation tp-lab ({SCANNER}): ")
    times = [chapter["ts"] for chapter in stories[SCANNER]["incident"]["story"]]
    assert times == sorted(times)


def test_the_address_scan(lines: list[Line], devices: dict[str, Line]) -> None:
    """The laptop tp-lab scanned the next subnet for SMB."""
    alert = opened(lines, ADDRESS_SCAN)
    assert (alert["severity"], alert["src"]["ip"], alert["src"]["hostname"], alert["src"]["type"]) == (
        "medium",
        SCANNER,
        "tp-lab",
        "workstation",
    )
    assert alert["src"]["device"] == devices["6c:a1:00:4d:82:f9"]["id"]
    assert alert["dst"]["port"] == 445
    assert techniques(alert) == {"T1018", "T1046"}
    last = latest(lines, ADDRESS_SCAN)
    assert {end["ip"].rsplit(".", 1)[0] for end in last["targets"]} == {"10.20.30"}
    assert len(last["targets"]) >= 40
    assert last["alert"]["numbers"]["failed"] >= 40


def test_the_port_scan(lines: list[Line]) -> None:
    """Then it scanned the ports of the file server."""
    alert = opened(lines, PORT_SCAN)
    assert (alert["severity"], alert["src"]["ip"]) == ("medium", SCANNER)
    assert [(end["ip"], end["hostname"], end["type"]) for end in alert["targets"]] == [(FILES, "fs01", "nas")]
    assert techniques(alert) == {"T1046"}
    assert alert["alert"]["numbers"]["failed"] >= 25


def test_the_lateral_movement(lines: list[Line]) -> None:
    """A camera opened an SMB session to the file server, and was answered."""
    alert = opened(lines, LATERAL)
    assert (alert["src"]["ip"], alert["src"]["type"]) == (CAMERA, "camera")
    assert [(end["ip"], end["type"]) for end in alert["targets"]] == [(FILES, "nas")]
    assert alert["dst"]["port"] == 445
    assert techniques(alert) == {"T1021.002"}
    last = latest(lines, LATERAL)
    assert last["severity"] in SEVERE
    assert last["alert"]["numbers"]["answered"] == 1


def test_the_listed_address(lines: list[Line]) -> None:
    """Another camera connected to a listed address, which answered: critical."""
    alert = opened(lines, CONTROL)
    assert (alert["severity"], alert["src"]["ip"], alert["src"]["type"]) == ("high", LISTENER, "camera")
    assert [end["ip"] for end in alert["targets"]] == [LISTED]
    assert techniques(alert) == {"T1071"}
    last = latest(lines, CONTROL)
    assert last["severity"] == "critical"
    assert (last["alert"]["numbers"]["list"], last["alert"]["numbers"]["category"]) == (
        "office.intel",
        "botnet controller",
    )


@pytest.mark.parametrize("one", all_devices(), ids=lambda one: one.host.name)
def test_all_is_named_for_what_they_are(devices: dict[str, Line], one: Device) -> None:
    """Each device has its correct type."""
    assert devices[one.host.mac]["type"] == one.kind


def test_at_least_twelve_types(devices: dict[str, Line]) -> None:
    """Device types are specific, not all workstation."""
    assert len({devices[one.host.mac]["type"] for one in all_devices()}) >= 12


def test_every_device_is_new_once(lines: list[Line]) -> None:
    """A device begins with one ``new``, has no record before it, and no two devices have the same MAC."""
    reported = [(line["device"]["id"], line["action"]) for line in lines if line["kind"] == "device"]
    first: dict[str, str] = {}
    for device, action in reported:
        first.setdefault(device, action)
    assert set(first.values()) == {"new"}
    assert [
        device
        for device, count in Counter(device for device, action in reported if action == "new").items()
        if count > 1
    ] == []
    macs = Counter(mac for line in lines if line["action"] == "new" for mac in line["device"].get("macs", ()))
    assert [mac for mac, count in macs.items() if count > 1] == []


def test_every_named_device_shows_why(lines: list[Line]) -> None:
    """Every record of a device with a type has evidence for it."""
    identified = [line for line in lines if line["kind"] == "device" and line["action"] == "identified"]
    assert identified
    for line in identified:
        assert any(
            claim["attribute"] == "type" and claim["value"] == line["device"]["type"] for claim in line["evidence"]
        )
