"""sensor explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.sums import Sum
from tests.cli.conftest import claim, device
from tests.golden import Golden


@pytest.mark.parametrize("what", ["dev-10", "10.0.0.10", "00:17:C8:00:00:0A", "0017.c800.000a", "prn-3f"])
def test_a_device_by_all_its_names(run_cli, what: str) -> None:
    """A device is found by id, address, MAC address in any notation, and host name in any case."""
    result = run_cli("explain", what)
    assert result.code == 0
    assert result.lines[0] == "printer Kyocera (dev-10)"


def test_a_device(golden: Golden, run_cli) -> None:
    """Every claim is shown with its evidence and its part of the confidence."""
    text = run_cli("explain", "dev-10").out
    assert "type: printer 0.88, contested\n  mdns 0.80, snmp 0.50: 1 − (1 − 0.80) × (1 − 0.50) = 0.90\n" in text
    golden(text, "2026-11-24T09:14:07Z")
    assert "  camera: dhcp 0.30\n" in text
    golden(text, "0.43")
    golden(text, "0.88")
    golden(text, "0.90")


@pytest.mark.parametrize(
    "claims",
    [
        [("mdns", 0.9)], [("oui", 0.9)], [("oui", 0.6), ("hostname", 0.7)],
        [("mdns", 0.9), ("mdns", 0.4), ("snmp", 0.99)],
        [("mdns", 0.99), ("snmp", 0.99), ("sip", 0.99)],
        [("hostname", 0.9), ("hostname_mac", 0.8)], [("oui", 0.5), ("sip", 0.6)],
    ],
)  # fmt: skip
def test_the_sum_is_the_one_of_the_fusion(claims: list[tuple[str, float]]) -> None:
    """The printed arithmetic gives the confidence that fusion computes."""
    evidence = [Evidence("type", "printer", sure, "f", family, "k", "s", 1, 1) for family, sure in claims]
    assert Sum.of(claim("type", "printer", family, sure) for family, sure in claims).sure == pytest.approx(
        fuse(evidence)["type"].confidence, abs=0.001
    )


def test_programs_do_not_contest_each_other(run_cli, log: Path) -> None:
    """Each listed program has its sum, and so has one that is too uncertain; nothing is subtracted."""
    programs = [
        claim("software", "nginx 1.26.3", "http", 0.8),
        claim("software", "Samba", "smb", 0.7),
        claim("software", "SIPp", "sip", 0.3),
    ]
    software = {"software": "nginx 1.26.3, Samba"}
    server = device(12, "server", evidence=programs, attributes=software, confidences={"software": 0.7})
    with log.open("a") as file:
        file.write(json.dumps(server) + "\n")
    lines = [line for line in run_cli("explain", "dev-12").lines if not line.startswith("    ")]
    first = lines.index("software: nginx 1.26.3, Samba 0.70")
    assert lines[first + 1 :] == ["  nginx 1.26.3: http 0.80", "  Samba: smb 0.70", "  SIPp: sip 0.30"]


def test_a_broader_system_is_no_contradiction(run_cli, log: Path) -> None:
    """Debian is a Linux, as in fusion: nothing is subtracted."""
    systems = [claim("os", "Debian", "postgres", 0.75), claim("os", "Linux", "snmp", 0.6)]
    server = device(12, "server", evidence=systems, attributes={"os": "Debian"}, confidences={"os": 0.75})
    with log.open("a") as file:
        file.write(json.dumps(server) + "\n")
    assert "odds" not in run_cli("explain", "dev-12").out


def test_the_alerts_of_a_device(golden: Golden, run_cli) -> None:
    """The alerts of a device are listed with it."""
    golden(run_cli("explain", "evil").out, "10.0.0.10")


def test_a_device_that_nothing_is_known_of(golden: Golden, run_cli) -> None:
    """A device without evidence is reported as unknown."""
    golden(run_cli("explain", "dev-11").out, "observation")


@pytest.mark.parametrize("what", ["alert-abc123", "alert-abc", "discovery.port_scan", "discovery.port_scan|10.0"])
def test_an_alert(golden: Golden, run_cli, what: str) -> None:
    """Every field of the alert record has a line: actor, target, numbers, technique, evidence, false positives, advice,
    device; the names are in the golden file.
    """
    result = run_cli("explain", what)
    assert result.code == 0
    golden([line.split("  ")[-1].strip(" -") for line in result.lines if line.strip() not in ("why", "evidence")])


def test_an_unknown_name(golden: Golden, run_cli) -> None:
    """An unknown name gives exit code 1 and one line with the nearest names."""
    result = run_cli("explain", "PRN-3G")
    assert (result.code, result.out) == (1, "")
    golden(result.err.splitlines())
    for unknown in ("zzz", "10.0.0.1"):  # other addresses are not what was meant
        result = run_cli("explain", unknown)
        assert (result.code, result.errors) == (1, ("device.unknown",))
        assert "sensor devices" in result.err


def test_what_is_no_name_of_a_host(run_cli) -> None:
    """A detection without alerts, a network and the id of an alert are not mistyped devices."""
    for what, code, hint in (
        ("discovery.zone_transfer", "alert.unknown", "`sensor help discovery.zone_transfer`"),
        ("10.0.0.0/24", "device.unknown", "`sensor search 10.0.0.0/24`"),
        ("incident-zzz", "alert.unknown", "`sensor alerts`"),
    ):
        result = run_cli("explain", what)
        assert (result.code, result.out, result.errors) == (1, "", (code,))
        assert hint in result.err


def test_a_merged_device_by_its_old_id(run_cli, log: Path) -> None:
    """The old id leads to the merged device."""
    with log.open("a") as file:
        file.write(
            json.dumps(device(10, "printer", "merged") | {"reason": "dev-11 is the same device: same serial"}) + "\n"
        )
    result = run_cli("explain", "dev-11")
    assert result.lines[0] == "printer (dev-10)"
    assert "  before      dev-11" in result.lines


def test_json(run_cli) -> None:
    """JSON output is the last record unchanged."""
    assert json.loads(run_cli("explain", "--json", "dev-10").out)["device"]["id"] == "dev-10"
