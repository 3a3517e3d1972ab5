"""Configurations of network devices that are copied: the attack, similar benign transfers, repetition."""

from __future__ import annotations

import pytest

from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.tftp import TftpRead, TftpWrite
from tests.detectors.call_stories import CLIENT, SERVER, packet
from tests.detectors.stories import detector, inspected, one

COPY, OUTSIDE = "exfiltration.device_configuration", "203.0.113.9"


def read(name: str, at: float = 0, dst: str = SERVER) -> Event:
    return TftpRead(packet(at, dst=dst), name, "octet", ())


def written(name: str, dst: str = SERVER, src: str = CLIENT) -> Event:
    return TftpWrite(packet(dst=dst, src=src), name, "octet", ())


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (written("sw-core-confg", OUTSIDE), Severity.high),
        (read("backup/running-config"), Severity.medium),
        (FtpFile(packet(), "RETR", "/cfg/startup-config.bak", "admin"), Severity.medium),
        (FtpFile(packet(dst=OUTSIDE), "STOR", "export.rsc", "admin"), Severity.high),
        (written("sw-core-confg"), Severity.low),
    ],
)
def test_configurations(event: Event, severity: Severity) -> None:
    """A copy to an external server is high, a read medium, and a backup to a server inside low."""
    alert = one(inspected(detector(COPY), [event]))
    assert (alert.severity, alert.techniques[0].technique) == (severity, "T1602.002")


def test_public_addresses_without_configured_networks() -> None:
    """If neither end is internal, the server is not called external."""
    alert = one(inspected(detector(COPY), [written("sw-core-confg", OUTSIDE, src="203.0.113.7")]))
    assert (alert.severity, alert.network["direction"]) == (Severity.medium, "external")
    assert "external" not in " ".join(alert.why)


def test_names_are_guessed() -> None:
    """A client that requests many files raises an alert."""
    alert = one(inspected(detector(COPY), [read(f"SEP00260BD78{n:03}.cnf.xml", n / 10) for n in range(100)]))
    assert (alert.severity, alert.numbers["files"]) == (Severity.medium, 25)


def test_what_devices_do() -> None:
    """A router that starts, phones that load their settings again and again, hosts that boot, and other files raise no
    alert.
    """
    starting = [read(name) for name in ("network-confg", "cisconet.cfg", "router-confg", "sw1-confg", "ciscortr.cfg")]
    phone = [read(f"file{n % 8}.xml", n) for n in range(200)]
    files = [
        written("firmware.bin"),
        FtpFile(packet(), "STOR", "report.cfg", "anna"),
        FtpFile(packet(), "DELE", "a-confg", ""),
    ]
    boot = [read(f"pxelinux.cfg/C0A8{n:04}") for n in range(40)] + [read(f"/grub/i386-pc/m{n}.mod") for n in range(40)]
    assert inspected(detector(COPY), [*starting, *phone, *boot, *files]) == []


def test_repetition_is_one_finding() -> None:
    assert one(inspected(detector(COPY), [read("running-config", n) for n in range(300)]))
