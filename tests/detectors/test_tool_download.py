"""Programs downloaded by tools and from bare addresses: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.http_message import MORE
from tests.detectors.stories import START, World, detector, device, inspected, one

DOWNLOAD = "command_and_control.tool_download"
NEAR, FAR, SERVER, PUBLIC = "10.0.0.66", "203.0.113.9", "10.0.0.5", "203.0.113.7"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0"
POWERSHELL = "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1"
OFFICE = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/7.0; ms-office; MSOffice 16)"
CERTUTIL, BITS = "CertUtil URL Agent", "Microsoft BITS/7.8"


def request(
    path: str,
    agent: str = POWERSHELL,
    host: str = FAR,
    *,
    target: str = FAR,
    port: int = 80,
    at: float = 0,
    method: str = "GET",
    headers: tuple[str, ...] = ("host",),
    client: str = NEAR,
) -> Event:
    packet = Packet(ts=START + int(at * SECOND), src=parse(client), dst=parse(target), sport=50000, dport=port, proto=6)
    return HttpRequest(packet, method, host, path, agent, "", "", "", "", -1, False, headers)


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (request("/a.ps1"), Severity.medium),
        (request("/x/tool.exe?id=7", "Microsoft Office/16.0"), Severity.medium),
        (request("/beacon.dll", ""), Severity.medium),
        (request("/a.ps1", host="2001:db8::7", target="2001:db8::7"), Severity.medium),
        (request("/DavWWWRoot/invoice.exe", "Microsoft-WebDAV-MiniRedir/10.0.19045"), Severity.medium),
        (request("/t/letter.dotm", OFFICE), Severity.medium),
        (request("/index.html", OFFICE), Severity.medium),
        (request("/anything", CERTUTIL, "files.example.net"), Severity.medium),
        (request("/setup.exe", BROWSER), Severity.low),
        (request("/setup.exe", "", headers=("host", MORE)), Severity.low),
        (request("/setup.exe", BITS), Severity.low),
        (request("/a.ps1", client=PUBLIC), Severity.low),
        (request("/t/letter.dotm", OFFICE, client=PUBLIC), Severity.low),
        (request("/a.ps1", host=f"{SERVER}:8000", target=SERVER, port=8000), Severity.low),
    ],
)
def test_programs_that_scripts_fetch(event: Event, severity: Severity) -> None:
    """Downloads by scripts, without a user agent, and by certutil raise an alert; those by browsers, by updaters, from
    internal servers, between public addresses in no configured network, and with a user agent that the capture may have
    truncated are low.
    """
    alert = one(inspected(detector(DOWNLOAD), [event]))
    assert (alert.actor.address, alert.target and alert.target.address) == (event.packet.src, event.packet.dst)
    assert (alert.severity, alert.techniques[0].technique) == (severity, "T1105")


@pytest.mark.parametrize(
    ("agent", "technique"),
    [
        (POWERSHELL, "T1059.001"),
        (BITS, "T1197"),
        ("Microsoft Office/16.0", "T1204.002"),
        ("Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)", "T1059"),
    ],
)
def test_the_program_that_downloads_has_its_technique(agent: str, technique: str) -> None:
    alert = one(inspected(detector(DOWNLOAD), [request("/a.exe", agent)]))
    assert [each.technique for each in alert.techniques] == ["T1105", "T1071.001", technique]


@pytest.mark.parametrize(
    "event",
    [
        request("/setup.exe", BROWSER, "download.example.com"),
        request("/setup.exe", BITS, "dl.delivery.mp.microsoft.com"),
        request("/Content/1F/update.exe", BITS, f"{SERVER}:8530", target=SERVER, port=8530),
        request("/status.json"),
        request("/a.ps1", method="POST"),
        request("/pki/list.crl", "Microsoft-CryptoAPI/10.0", "crl.example.com"),
        request("/a.ps1", host=""),
        request("/cgi-bin/status.sh", "curl/8.5"),
        request("/logo.png", OFFICE),
        request("/letter.dotm", OFFICE, "templates.example.com"),
        request("/letter.dotm", OFFICE, SERVER, target=SERVER),
    ],
)
def test_benign_twins_are_quiet(event: Event) -> None:
    """Named servers, updates of the system or of a company's server, data, uploads, certificate lists, requests without
    a host, pages, pictures in mails, and templates of named or internal servers raise no alert.
    """
    assert inspected(detector(DOWNLOAD), [event]) == []


def test_a_template_has_its_technique() -> None:
    alert = one(inspected(detector(DOWNLOAD), [request("/letter.dotm", OFFICE)]))
    assert [each.technique for each in alert.techniques] == ["T1105", "T1071.001", "T1221"]


def test_devices_are_another_detector_s() -> None:
    assert inspected(detector(DOWNLOAD, World(device("camera", NEAR))), [request("/a.sh", "Wget/1.21")]) == []


def test_managers_are_reported_low() -> None:
    assert one(inspected(detector(DOWNLOAD, managers=(NEAR,)), [request("/a.ps1")])).severity == Severity.low


def test_repetition_is_one_finding_an_hour() -> None:
    found = inspected(detector(DOWNLOAD), [request(f"/{n}.exe", at=n * 30) for n in range(200)])
    assert len(found) == 2
    assert one(found)
