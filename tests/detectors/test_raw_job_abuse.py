"""Abuse of printers' raw port: files, firmware, settings, unusual clients; similar benign traffic; repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.pjl import PjlCommand, PostscriptOperator
from tests.detectors.stories import START, Story, World, detector, device, inspected, one, raised

ABUSE = "printing.raw_job_abuse"
CLIENT, PRINTER, FAR = "10.0.0.66", "10.0.0.41", "203.0.113.9"


def command(name: str, argument: str = "", path: str = "", *, at: float = 0, source: str = CLIENT) -> Event:
    packet = Packet(
        ts=START + int(at * SECOND), src=parse(source), dst=parse(PRINTER), sport=50000, dport=9100, proto=6
    )
    return PjlCommand(packet, name, argument, path)


def script(operator: str, name: str = "") -> Event:
    return PostscriptOperator(command("X").packet, operator, name)


def reported(events: list[Event], world: World | None = None, **options: object) -> list[Alert]:
    return inspected(detector(ABUSE, world, **options), events)


@pytest.mark.parametrize(
    ("event", "severity", "technique"),
    [
        (command("FSUPLOAD", path="0:/webServer/config.xml"), Severity.medium, "T1005"),
        (command("FSUPLOAD", path="0:/../../etc/passwd"), Severity.high, "T1005"),
        (command("FSDIRLIST", path="0:/"), Severity.medium, "T1083"),
        (command("FSDIRLIST", path="0:/", source=FAR), Severity.high, "T1083"),
        (command("FSINIT"), Severity.high, "T1499"),
        (command("DEFAULT", "PASSWORD"), Severity.medium, "T1499"),
        (command("RNVRAM", "ADDRESS"), Severity.medium, "T1005"),
        (command("ENTER", "FWUPDATE"), Severity.low, "T1542"),
        (command("UPGRADE", source=FAR), Severity.high, "T1542"),
        (script("filenameforall"), Severity.medium, "T1083"),
        (script("read", "/etc/passwd"), Severity.medium, "T1005"),
        (script("read", "%disk0%../../etc/passwd"), Severity.high, "T1005"),
        (script("setsystemparams"), Severity.low, "T1499"),
    ],
)
def test_commands_that_are_no_printing(event: Event, severity: Severity, technique: str) -> None:
    """Files, disks, control panel locks and firmware raise an alert; paths and external hosts are more severe."""
    alert = one(reported([event]))
    assert (alert.target and alert.target.address, alert.target_port, alert.severity) == (
        parse(PRINTER),
        9100,
        severity,
    )
    assert alert.techniques[0].technique == technique


def test_a_device_that_looks_after_printers() -> None:
    assert one(reported([command("FSQUERY", path="0:/a")], World(device("tv", CLIENT)))).severity == Severity.high


@pytest.mark.parametrize(("client", "severity"), [(FAR, Severity.high), (CLIENT, Severity.medium)])
def test_unknown_hosts_at_the_raw_port(client: str, severity: Severity) -> None:
    """A connection of an external host or a camera raises an alert, whatever data it sends."""
    world = World(device("printer", PRINTER), device("camera", CLIENT))
    alert = one(raised(ABUSE, Story().flow(0, client, PRINTER, 9100, answered=True), world))
    assert (alert.actor.address, alert.severity) == (parse(client), severity)


def test_hosts_with_public_addresses() -> None:
    """If the network of the printer is not configured, its clients are not known to be external."""
    printer = device("printer", FAR)
    story = Story().flow(0, "203.0.113.40", FAR, 9100, answered=True)
    assert raised(ABUSE, story, World(printer)) == []
    world = World(printer)
    world.networks.become(("203.0.113.0/28",))
    assert one(raised(ABUSE, story, world)).severity == Severity.high


def test_printing_is_quiet() -> None:
    """Drivers' jobs with settings and status queries, and a display message, raise no alert."""
    job = [
        command("JOB", path="report.pdf"), command("SET", "COPIES"), command("SET", "HOLD"),
        command("DEFAULT", "PAPER"), command("INFO", "ID"),
        command("USTATUS", "DEVICE"), command("RDYMSG", path="Ready"), command("ENTER", "PCL"),
        command("ENTER", "POSTSCRIPT"), command("EOJ"),
    ]  # fmt: skip
    assert reported(job) == []


@pytest.mark.parametrize(
    ("client", "port", "answered", "kinds"),
    [
        (CLIENT, 9100, True, ("printer", "workstation")),
        (CLIENT, 9100, True, ("label_printer", "barcode_scanner")),
        (FAR, 9100, False, ("printer", "workstation")),
        (CLIENT, 9100, True, ("server", "camera")),
        (CLIENT, 631, True, ("printer", "camera")),
    ],
)
def test_benign_connections_are_quiet(client: str, port: int, answered: bool, kinds: tuple[str, str]) -> None:
    """A computer, a scanner that prints labels, a connection attempt of an external host, another service at the port,
    and another port raise no alert.
    """
    world = World(device(kinds[0], PRINTER), device(kinds[1], CLIENT))
    assert raised(ABUSE, Story().flow(0, client, PRINTER, port, answered=answered), world) == []


def test_managers_are_reported_low() -> None:
    assert one(reported([command("FSUPLOAD", path="0:/a")], managers=(CLIENT,))).severity == Severity.low


def test_repetition_is_one_finding() -> None:
    assert len(reported([command("FSDIRLIST", path=f"0:/{n}", at=n) for n in range(600)])) == 1
    story = Story()
    for n in range(50):
        story.flow(n, FAR, PRINTER, 9100, answered=True)
    assert len(raised(ABUSE, story, World(device("printer", PRINTER)))) == 1
