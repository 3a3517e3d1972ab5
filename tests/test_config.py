"""The configuration: defaults without a file, every section from a file, and every fault at its place."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from sensor.config import detector_units, load_config
from sensor.core.addresses import parse
from sensor.core.time_units import HOUR
from sensor.documents import DocumentErrors
from sensor.runtime.assembly import assemble
from tests.golden import Golden

# Detectors that are off by default.
NOISY = {
    "device.configuration_changed",
    "device.http_errors",
    "device.rpc_errors",
    "device.silent_channel",
    "posture.insecure_service",
}
WHOLE = """\
sensor:
  id: hq-3f-01
  site: HQ
networks: [203.0.113.0/24, "2001:db8::/32"]
intel: [lists/bad.txt]
events: /var/log/sensor/events.jsonl
fingerprints:
  folders: [own]
  oui_registry: ~/oui.txt
inventory:
  devices: 500
  gone_after_h: 2
alerts:
  suppression_h: 0.5
tables:
  flow_bits: 12
capture:
  interfaces: [eth0, eth1]
  filter: not port 22
  rings: 2
detectors:
  discovery.port_scan:
    ports: 40
  voice.sip_scan:
    enabled: false
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "sensor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    with pytest.raises(DocumentErrors) as caught:
        load_config(path)
    return [str(fault).removeprefix(f"{path}:") for fault in caught.value.faults]


def test_everything_has_a_default() -> None:
    """No file is needed; the sensor's name is the host name."""
    config = load_config(None)
    assert config.sensor.id == (platform.node() or "sensor")
    assert (config.networks, config.intel, config.events) == ([], [], None)
    assert {name for name in detector_units() if not config.options(name).enabled} == NOISY


def test_every_section(tmp_path: Path) -> None:
    """Values of the file are used; others keep their default. Relative paths start at the file's folder."""
    config = load_config(write(tmp_path, WHOLE))
    assert (config.sensor.id, config.sensor.site) == ("hq-3f-01", "HQ")
    assert config.networks == ["203.0.113.0/24", "2001:db8::/32"]
    assert config.intel == [tmp_path / "lists" / "bad.txt"]
    assert config.events == Path("/var/log/sensor/events.jsonl")
    assert (config.fingerprints.folders, config.fingerprints.oui_registry) == (
        [tmp_path / "own"],
        Path.home() / "oui.txt",
    )
    assert (config.capture.interfaces, config.capture.filter, config.capture.rings, config.capture.promiscuous) == (
        ["eth0", "eth1"],
        "not port 22",
        2,
        True,
    )
    assert config.options("discovery.port_scan").ports == 40
    assert config.options("discovery.port_scan").enabled
    assert not config.options("voice.sip_scan").enabled


def test_settings_reach_the_engine(tmp_path: Path) -> None:
    """Options, limits and names reach the engine; a disabled detector is not loaded."""
    text = "\n".join(
        line
        for line in WHOLE.splitlines()
        if "bad.txt" not in line and "own" not in line and "oui" not in line and line != "fingerprints:"
    )
    pipeline = assemble(load_config(write(tmp_path, text)), print)
    record = pipeline.maker.sensor("config", 0, "test")
    assert (record.sensor.id, record.sensor.site) == ("hq-3f-01", "HQ")
    assert pipeline.inventory.limits.devices == 500
    assert pipeline.inventory.limits.gone_ns == 2 * HOUR
    assert pipeline.alert_processor.aggregator.suppression == HOUR // 2
    assert pipeline.maker.networks.inside(parse("203.0.113.5"))
    running = {detector.id: detector for detector in pipeline.detectors}
    assert set(running) == {"baseline", *detector_units()} - {"voice.sip_scan"} - NOISY
    assert running["discovery.port_scan"].options.ports == 40


def test_all_mistakes_at_once_each_with_its_place_and_the_nearest_key(golden: Golden, tmp_path: Path) -> None:
    """Unknown sections, keys, detectors and options, values out of range and of a wrong type."""
    text = (
        "senser: {}\nsensor:\n  id: ''\nnetworks: [10.0.0/8]\ninventory:\n  devices: many\ndetectors:\n"
        "  discovery.portscan: {}\n  discovery.port_scan:\n    prots: 3\n    window_s: 0\n"
    )
    reported = faults(tmp_path, text)
    assert [fault.split(":")[:2] for fault in reported] == [
        ["1", "1"],
        ["3", "7"],
        ["4", "11"],
        ["6", "12"],
        ["8", "3"],
        ["10", "5"],
        ["11", "15"],
    ]
    assert "did you mean 'sensor'?" in reported[0]
    assert "10.0.0/8" in reported[2]
    golden(reported[3], "expected")
    assert "did you mean 'discovery.port_scan'?" in reported[4]
    assert "did you mean 'ports'?" in reported[5]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One line names the file."""
    with pytest.raises(DocumentErrors, match=r"nowhere\.yaml:1:1: .*No such file"):
        load_config(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(("text", "message"), [(None, "No such file"), ("nothing of the kind\n", "MAC")])
def test_a_registry_that_cannot_be_used_is_reported_before_the_first_packet(
    tmp_path: Path, text: str | None, message: str
) -> None:
    """An unusable registry is reported at the start, not at the first MAC address."""
    if text is not None:
        (tmp_path / "oui.txt").write_text(text)
    config = load_config(write(tmp_path, "fingerprints:\n  oui_registry: oui.txt\n"))
    with pytest.raises(DocumentErrors, match=rf"oui\.txt:1:1: .*\b{message}\b"):
        assemble(config, print)


def test_a_list_that_is_not_there_is_reported(tmp_path: Path) -> None:
    """Each unreadable list is reported, and the run continues with the others."""
    config, reported = load_config(write(tmp_path, "intel: [a.txt, b.txt]\n")), list[str]()
    assemble(config, print, complain=reported.append)
    assert [line.split(":")[0] for line in reported] == [str(tmp_path / name) for name in ("a.txt", "b.txt")]
