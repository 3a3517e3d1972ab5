"""VPN tunnels: handshakes that external servers accept, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.openvpn import OpenvpnServerReset
from sensor.dissectors.wireguard import WireguardInitiation, WireguardResponse
from tests.detectors.stories import START, World, detector, device, inspected, one

VPN = "command_and_control.vpn_tunnel"
NEAR, SERVER, OTHER, INNER = "10.0.0.66", "203.0.113.20", "203.0.113.21", "10.0.0.5"


def packet(src: str, dst: str, at: float, *, answer: bool) -> Packet:
    ports = {"sport": 51820, "dport": 40123} if answer else {"sport": 40123, "dport": 51820}
    return Packet(ts=START + int(at * SECOND), src=parse(src), dst=parse(dst), proto=17, **ports)


def wireguard(client: str = NEAR, server: str = SERVER, at: float = 0, named: int = 7) -> list[Event]:
    """A handshake. ``named``: the index in the response; that of the initiation is 7."""
    return [
        WireguardInitiation(packet(client, server, at, answer=False), 7),
        WireguardResponse(packet(server, client, at + 0.04, answer=True), named),
    ]


def openvpn(client: str = NEAR, server: str = SERVER, at: float = 0) -> list[Event]:
    return [OpenvpnServerReset(packet(server, client, at, answer=True), False)]


@pytest.mark.parametrize(("events", "program"), [(wireguard(), "WireGuard"), (openvpn(), "OpenVPN")])
def test_a_host_with_a_tunnel(events: list[Event], program: str) -> None:
    """The client is the actor, the server the target."""
    alert = one(inspected(detector(VPN), events))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(NEAR), parse(SERVER))
    assert (alert.actor_port, alert.target_port, alert.numbers["program"]) == (40123, 51820, program)
    assert (alert.severity, alert.techniques[0].technique) == (Severity.low, "T1572")


@pytest.mark.parametrize(
    ("kind", "severity"), [("camera", Severity.high), ("printer", Severity.high), ("hub", Severity.low)]
)
def test_devices_without_a_user(kind: str, severity: Severity) -> None:
    """A camera needs no tunnel; owners reach hubs by one."""
    assert one(inspected(detector(VPN, World(device(kind, NEAR))), wireguard())).severity == severity


@pytest.mark.parametrize(
    "events",
    [
        wireguard(named=8),
        wireguard()[:1],
        wireguard()[1:],
        wireguard(server=INNER),
        wireguard(client=SERVER, server=NEAR),
        openvpn(server=INNER),
        openvpn(client=SERVER, server=NEAR),
    ],
)
def test_benign_twins_are_quiet(events: list[Event]) -> None:
    """Handshakes that no server accepted, and tunnels with internal servers."""
    assert inspected(detector(VPN), events) == []


def test_gateways_and_approved_servers() -> None:
    """Routers and firewalls connect sites."""
    for kind in ("router", "firewall"):
        assert inspected(detector(VPN, World(device(kind, NEAR))), wireguard()) == []
    assert inspected(detector(VPN, allowed=("203.0.113.16/29",)), openvpn()) == []
    assert inspected(detector(VPN, allowed=("203.0.113.20",)), openvpn(server=OTHER))


def test_repetition_is_reported_once_a_day() -> None:
    """Peers repeat the handshake every two minutes; another server is another tunnel."""
    events = [event for n in range(100) for event in wireguard(at=120 * n)]
    assert len(inspected(detector(VPN), [*events, *wireguard(server=OTHER, at=20_000)])) == 2
    assert len(inspected(detector(VPN), [*wireguard(), *wireguard(at=90_000)])) == 2
