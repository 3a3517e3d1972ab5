"""An engine from its configuration: enabled detectors, their options, and an operator's invalid files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensor.capture.files import open_captures
from sensor.config import detector_units, load_config
from sensor.core.record import Record
from sensor.documents import DocumentErrors
from sensor.engine.pipeline import Pipeline
from sensor.intel.store import ThreatLists
from sensor.runtime.assembly import Engine, assemble
from tests.golden import Golden
from tests.kit import batch_of, ethernet, ipv4, tcp_frame, udp

GOOD = """\
observation: [dhcp.vendor_class]
family: dhcp
certainty: {type: 0.9}
fingerprints:
  - id: test.coffee
    match: {exact: CoffeeMaker 3000}
    assert: {type: iot}
    examples: [CoffeeMaker 3000]
"""
BROKEN = GOOD.replace("test.coffee", "test.tea").replace("match:", "mach:")
SCAN = "discovery.port_scan"


def configured(folder: Path, text: str) -> Any:
    path = folder / "sensor.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def running(pipeline: Pipeline) -> dict[str, Any]:
    """The detectors of an engine by id."""
    return {unit.id: unit for unit in pipeline.detectors}


def contacts(pipeline: Pipeline, reported: list[Record], *addresses: str) -> list[str]:
    """Titles of the alerts when an internal host is answered by each of these."""
    frames = []
    for n, address in enumerate(addresses):
        frames.append(tcp_frame("10.0.0.5", address, sport=40000 + n, dport=443, flags=2))
        frames.append(tcp_frame(address, "10.0.0.5", sport=443, dport=40000 + n, flags=0x12))
    pipeline.process(batch_of(frames))
    pipeline.finish()
    return [record.msg for record in reported if record.kind == "alert" and record.action == "open"]


def test_all_detectors_run_unless_they_are_switched_off(tmp_path: Path) -> None:
    """A disabled detector is absent; the others are there under their ids."""
    usual = {name for name, unit in detector_units().items() if unit.Options().enabled} | {"baseline"}
    assert set(running(assemble(load_config(None), print))) == usual
    off = configured(tmp_path, f"detectors:\n  {SCAN}: {{enabled: false}}\n  impact.flood: {{enabled: false}}\n")
    assert set(running(assemble(off, print))) == usual - {SCAN, "impact.flood"}


def test_one_switched_off_reports_nothing(tmp_path: Path) -> None:
    """The same packets raise an alert with the detector and none without."""
    for text, alerts in (("{}", 1), ("detectors:\n  command_and_control.malicious_address: {enabled: false}\n", 0)):
        reported: list[Record] = []
        pipeline = assemble(
            configured(tmp_path, text), reported.append, intel=[write(tmp_path / "bad.txt", "203.0.113.66\n")]
        )
        assert len(contacts(pipeline, reported, "203.0.113.66")) == alerts


@pytest.mark.parametrize(("ports", "alerts"), [(10, 1), (30, 0)])
def test_options_reach_their_detector(tmp_path: Path, ports: int, alerts: int) -> None:
    """Twenty refused ports are a scan with a threshold of ten, and none with thirty; other detectors keep their
    defaults.
    """
    reported: list[Record] = []
    pipeline = assemble(configured(tmp_path, f"detectors:\n  {SCAN}: {{ports: {ports}}}\n"), reported.append)
    units = running(pipeline)
    assert units[SCAN].options.ports == ports
    assert all(unit.options == unit.Options() for name, unit in units.items() if name != SCAN)
    frames = []
    for port in range(20, 40):
        frames += [
            tcp_frame("10.0.0.5", "10.0.0.6", dport=port, flags=2),
            tcp_frame("10.0.0.6", "10.0.0.5", sport=port, dport=40000, flags=0x14),
        ]
    pipeline.process(batch_of(frames))
    pipeline.finish()
    found = [record for record in reported if record.kind == "alert" and record.action == "open"]
    assert [record.alert["detector"] for record in found if isinstance(record.alert, dict)] == [SCAN] * alerts


def discover(vendor: bytes) -> bytes:
    """A DHCPDISCOVER with a vendor class."""
    mac = bytes.fromhex("001122334455")
    options = b"\x63\x82\x53\x63\x35\1\1\x3c" + bytes([len(vendor)]) + vendor + b"\xff"
    body = b"\1\1\6\0" + b"\0\0\0\1" + bytes(20) + mac + bytes(10 + 64 + 128) + options
    return ethernet(
        ipv4(udp(body, 68, 67), 17, "0.0.0.0", "255.255.255.255"), 0x0800, src=int.from_bytes(mac, "big"), dst=2**48 - 1
    )


def test_a_broken_fingerprint_file_is_reported_and_the_rest_works(tmp_path: Path) -> None:
    """The error names file, line and fault; the folder's other file and the built-in fingerprints work."""
    write(tmp_path / "own" / "good.yaml", GOOD)
    broken = write(tmp_path / "own" / "tea.yaml", BROKEN)
    complaints: list[str] = []
    reported: list[Record] = []
    pipeline = assemble(
        configured(tmp_path, "fingerprints: {folders: [own]}"), reported.append, complain=complaints.append
    )
    assert complaints
    assert all(line.startswith(f"{broken}:") for line in complaints)
    assert any("match" in line for line in complaints)
    pipeline.process(batch_of([discover(b"CoffeeMaker 3000")]))
    pipeline.finish()
    [device] = [record.device for record in reported if record.action == "identified"]
    assert isinstance(device, dict)
    assert device["type"] == "iot"


def test_a_folder_that_is_not_there_is_reported_and_the_rest_works(golden: Golden, tmp_path: Path) -> None:
    """A missing folder is one error and does not end the run; the built-in fingerprints identify a phone."""
    complaints: list[str] = []
    reported: list[Record] = []
    pipeline = assemble(
        configured(tmp_path, "fingerprints: {folders: [nowhere]}"), reported.append, complain=complaints.append
    )
    golden(complaints)
    pipeline.process(batch_of([discover(b"Cisco Systems, Inc. IP Phone CP-8841")]))
    pipeline.finish()
    assert [
        record.device["type"]
        for record in reported
        if record.action == "identified" and isinstance(record.device, dict)
    ] == ["voip_phone"]


def test_a_broken_line_of_a_list_is_reported_and_the_rest_works(tmp_path: Path) -> None:
    """Each skipped line is reported by its number; the other lines are used."""
    listed = write(tmp_path / "bad.txt", "203.0.113.66 one\nnot an address\n10.0.0.0/8 ours\n203.0.113.77 two\n")
    complaints: list[str] = []
    reported: list[Record] = []
    pipeline = assemble(load_config(None), reported.append, intel=[listed], complain=complaints.append)
    assert [line.split(": ")[0] for line in complaints] == [f"{listed}:2:1", f"{listed}:3:1"]
    assert "10.0.0.0/8" in complaints[1]
    assert len(contacts(pipeline, reported, "203.0.113.66", "203.0.113.70", "203.0.113.77")) == 2


def test_lists_of_the_configuration_and_of_the_command_count_both(tmp_path: Path) -> None:
    """Lists of ``--intel`` and of the configuration are both used."""
    write(tmp_path / "one.txt", "203.0.113.66\n")
    reported: list[Record] = []
    pipeline = assemble(
        configured(tmp_path, "intel: [one.txt]"), reported.append, intel=[write(tmp_path / "two.txt", "203.0.113.77\n")]
    )
    alerts = contacts(pipeline, reported, "203.0.113.66", "203.0.113.77")
    assert [name for name in ("one", "two") if any(f"on threat list {name}" in line for line in alerts)] == [
        "one",
        "two",
    ]


def test_unusable_lists_end_it_with_all_their_names(tmp_path: Path) -> None:
    """A missing list and a list without addresses are both named in one error."""
    prose = write(tmp_path / "prose.txt", "once upon a time\nthere was a list\n")
    with pytest.raises(DocumentErrors) as caught:
        assemble(load_config(None), print, intel=[tmp_path / "missing.txt", prose])
    assert {fault.path for fault in caught.value.faults} == {tmp_path / "missing.txt", prose}


@pytest.mark.parametrize("text", [None, "no registry at all\n"])
def test_an_unusable_mac_registry_ends_it_before_the_first_packet(tmp_path: Path, text: str | None) -> None:
    """A registry that is missing or in an unknown format ends the run."""
    path = tmp_path / "oui.txt"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentErrors) as caught:
        assemble(configured(tmp_path, "fingerprints: {oui_registry: oui.txt}"), print)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_announcements_report_the_inventory_where_devices_are_plugged_in(root: Path) -> None:
    """LLDP and similar protocols report the protocol, chassis and port of a device."""
    source = open_captures([str(root / "pcaps" / "dissectors" / "lldp.pcap")])
    engine = assemble(load_config(None), lambda _: None)
    for batch in source.batches():
        engine.process(batch)
        batch.release()
    source.close()
    reported = [
        one
        for device in engine.inventory.devices()
        for mac in device.macs
        for one in engine.inventory.table.by_mac[mac].neighbours
    ]
    assert reported
    assert {one.protocol for one in reported} == {"lldp"}
    assert all(one.chassis and one.port for one in reported)


def test_dhcp_servers_that_are_named_need_no_advice(tmp_path: Path) -> None:
    """Configured DHCP servers are watched by a detector; without them each server gets a recommendation. A reload
    configures them as well.
    """
    named = configured(tmp_path, "detectors:\n  credential_access.rogue_dhcp: {allowed: [10.20.10.1]}\n")
    engine = Engine(load_config(None), print, lists=ThreatLists(()))
    assert engine.advisor.settled == set()
    engine.take_up(named, None, None)
    assert engine.advisor.settled == {"dhcp_server"}
    assert Engine(named, print, lists=ThreatLists(())).advisor.settled == {"dhcp_server"}
