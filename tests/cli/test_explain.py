"""sensor explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.sums import Sum
from tests.cli.conftest import claim, device


@pytest.mark.parametrize("what", ["dev-10", "10.0.0.10", "00:17:C8:00:00:0A", "0017.c800.000a", "prn-3f"])
def test_a_device_by_all_its_names(run_cli, what: str) -> None:
    """Id, address, MAC in any form, host name in any case."""
    result = run_cli("explain", what)
    assert result.code == 0
    assert result.lines[0] == "printer Kyocera (dev-10)"


def test_a_device(run_cli) -> None:
    """Every claim with its evidence, and how it adds up."""
    text = run_cli("explain", "dev-10").out
    assert "type: printer 0.88, contested\n  mdns 0.80, snmp 0.50: 1 − (1 − 0.80) × (1 − 0.50) = 0.90\n" in text
    assert (
        '0.80 mdns: mdns.field was "printer said" (fingerprint mdns.printer; 3 times, '
        "2026-11-24T09:14:07Z to 2026-11-24T09:20:00Z)"
    ) in text
    assert "  camera: dhcp 0.30\n" in text
    assert "  against the others: odds 9.00 / (1 + 9.00 + 0.43) = 0.86\n" in text
    assert "  reported as 0.88: old evidence counts less, and some may not be in this record\n" in text
    assert "vendor: Kyocera 0.50\n  oui 0.90, at most 0.50 for one weak family\n" in text


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
    """What is written out for people gives the number that the fusion gives."""
    evidence = [Evidence("type", "printer", sure, "f", family, "k", "s", 1, 1) for family, sure in claims]
    assert Sum.of(claim("type", "printer", family, sure) for family, sure in claims).sure == pytest.approx(
        fuse(evidence)["type"].confidence, abs=0.001
    )


def test_the_alerts_of_a_device(run_cli) -> None:
    """They are listed with it."""
    assert (
        "alerts:\n  medium from it: evil tried 120 ports of 10.0.0.10 (alert-abc123)\n"
        in run_cli("explain", "evil").out
    )


def test_a_device_that_nothing_is_known_of(run_cli) -> None:
    """It says so."""
    assert "no observation identifies it so far" in run_cli("explain", "dev-11").out


@pytest.mark.parametrize("what", ["alert-abc123", "alert-abc", "discovery.port_scan", "discovery.port_scan|10.0"])
def test_an_alert(run_cli, what: str) -> None:
    """Actor, target, numbers, technique, evidence, false positives, advice, and the device: every fact of the record
    has a line; their names are in the golden file.
    """
    result = run_cli("explain", what)
    assert result.code == 0
    assert [line.split("  ")[-1].strip(" -") for line in result.lines if line.strip() not in ("why", "evidence")] == [
        "medium: Port scan (alert-abc123, discovery.port_scan)",
        "evil tried 120 ports of 10.0.0.10",
        "10.0.0.9 (evil), 00:17:c8:00:00:09, workstation, dev-9",
        "10.0.0.10 port 22",
        "10.0.0.10, 10.0.0.12",
        "2026-11-24T09:14:07Z to 2026-11-24T09:20:00Z, 3 times",
        "0.90",
        "52 of 100",
        "ports 120, threshold 60",
        "T1046 Network Service Discovery discovery",
        "120 ports of one host were tried",
        "2026-11-24T09:20:00Z flow.refused 10.0.0.9 port 40000 → 10.0.0.10 port 22: client_packets 1",
        "A scanner of your own.",
        "Ask who runs it.",
        "its actor is workstation 0.60: sensor explain dev-9",
    ]


def test_an_unknown_name(run_cli) -> None:
    """1, one line, the nearest names."""
    result = run_cli("explain", "PRN-3G")
    assert (result.code, result.out, result.err.splitlines()) == (
        1,
        "",
        ["sensor: nothing is known about 'PRN-3G': did you mean prn-3f?"],
    )
    result = run_cli("explain", "zzz")
    assert (result.code, result.errors) == (1, ("device.unknown",))
    assert "sensor devices" in result.err


def test_a_merged_device_by_its_old_id(run_cli, log: Path) -> None:
    """The one that it is now."""
    with log.open("a") as file:
        file.write(
            json.dumps(device(10, "printer", "merged") | {"reason": "dev-11 is the same device: same serial"}) + "\n"
        )
    result = run_cli("explain", "dev-11")
    assert result.lines[0] == "printer (dev-10)"
    assert "  before      dev-11" in result.lines


def test_json(run_cli) -> None:
    """The last record as it is."""
    assert json.loads(run_cli("explain", "--json", "dev-10").out)["device"]["id"] == "dev-10"
