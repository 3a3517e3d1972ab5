"""Internet services by requested name: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.dns import DnsQuery
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello
from tests.detectors.stories import START, World, detector, device, inspected, one

TOOL, PROXY = "command_and_control.remote_access_tool", "command_and_control.proxyware"
TUNNEL, WEB = "command_and_control.tunnel_service", "command_and_control.web_service"
SHARING, TEST = "exfiltration.file_sharing", "initial_access.out_of_band"
ADDRESS = "discovery.external_address"


def packet(at: float) -> Packet:
    return Packet(
        ts=START + int(at * SECOND), src=parse("10.0.0.66"), dst=parse("203.0.113.9"), sport=40000, dport=443, proto=6
    )


def queried(name: str, at: float = 0) -> list[Event]:
    return [
        DnsQuery(packet(at), 1, name, 1, 0, True),
        TlsClientHello(packet(at), name.upper(), (), "", "", "", (), False),
        QuicClientHello(packet(at), "1", name, (), "", "", "", False),
    ]


@pytest.mark.parametrize(
    ("unit", "name", "technique"),
    [
        (TOOL, "router7.teamviewer.com", "T1219"),
        (TOOL, "remotedesktop-pa.googleapis.com", "T1219"),
        (PROXY, "api.honeygain.com", "T1090"),
        (TUNNEL, "tunnel.eu.ngrok.com", "T1572"),
        (TUNNEL, "global.rel.tunnels.api.visualstudio.com", "T1572"),
        (WEB, "api.telegram.org", "T1102"),
        (SHARING, "g.api.mega.co.nz", "T1567.002"),
    ],
)
def test_names_of_services(unit: str, name: str, technique: str) -> None:
    """A name over any protocol raises an alert, once for each host and service; a fixed-function device is high."""
    [alert] = inspected(detector(unit), queried(name))
    assert (alert.severity, alert.techniques[0].technique, alert.actor.address) == (
        Severity.low,
        technique,
        parse("10.0.0.66"),
    )
    [alert] = inspected(detector(unit, World(device("camera", "10.0.0.66"))), queried(name))
    assert alert.severity == Severity.high


def test_screens_and_boxes_that_run_programs() -> None:
    """Remote access to a television is low, a residential proxy on it is high."""
    world = World(device("tv", "10.0.0.66"))
    assert inspected(detector(TOOL, world), queried("router7.teamviewer.com"))[0].severity == Severity.low
    assert inspected(detector(PROXY, world), queried("api.honeygain.com"))[0].severity == Severity.high


def test_a_blind_attack_that_succeeded() -> None:
    """A host that looks up a name of a vulnerability test raises an alert, a camera a more severe one."""
    name = "c23b2la0kl1krjcrdj10cndmnioyyyyyn.oast.pro"
    [alert] = inspected(detector(TEST), queried(name))
    assert (alert.severity, alert.techniques[0].technique) == (Severity.medium, "T1190")
    [alert] = inspected(detector(TEST, World(device("camera", "10.0.0.66"))), queried(name))
    assert alert.severity == Severity.high


def test_the_own_address_is_information() -> None:
    """A lookup of the public address is information, for cameras too."""
    for world in (World(), World(device("camera", "10.0.0.66"))):
        [alert] = inspected(detector(ADDRESS, world), queried("checkip.dyndns.org"))
        assert (alert.severity, alert.techniques[0].technique) == (Severity.info, "T1016")


@pytest.mark.parametrize("unit", [TUNNEL, WEB, SHARING, TEST, ADDRESS])
def test_names_of_others_are_quiet(unit: str) -> None:
    """Names of messengers, developers' sites and hosters raise no alert."""
    names = (
        "web.telegram.org",
        "www.visualstudio.com",
        "aws.amazon.com",
        "github.com",
        "members.dyndns.org",
        "oast.example",
    )
    assert inspected(detector(unit), [event for name in names for event in queried(name)]) == []


@pytest.mark.parametrize("unit", [TOOL, PROXY])
def test_benign_twins_are_quiet(unit: str) -> None:
    """Other names of the vendors' domains, names that only look similar, and allowed names raise no alert."""
    story = [
        event
        for name in ("www.google.com", "storage.googleapis.com", "anydesk.com.example.org", "notteamviewer.com", "")
        for event in queried(name)
    ]
    assert inspected(detector(unit), story) == []
    assert (
        inspected(
            detector(unit, allowed=("teamviewer.com", "honeygain.com")),
            queried("x.teamviewer.com") + queried("x.honeygain.com"),
        )
        == []
    )


def test_repetition_is_one_finding() -> None:
    found = inspected(detector(TOOL), [event for n in range(100) for event in queried("relay.anydesk.com", n * 3600)])
    assert len(found) == 5
    assert one(found)
