"""Firewall requests for the tests of rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sensor.core import addresses
from sensor.posture.firewall.model import Host, Match, Request
from sensor.posture.firewall.requests import Contact, Spec, request_of_outside, request_of_service, requests_of

NOW = datetime(2026, 11, 24, 8, 17, tzinfo=UTC)
SMB, HTTPS, DNS = 6 << 16 | 445, 6 << 16 | 443, 17 << 16 | 53
WEEK = Spec(NOW, NOW + timedelta(days=7))


def party(text: str, name: str = "", kind: str = "", device: str = "", *more: str) -> Host:
    return Host(device, name, kind, tuple(map(addresses.parse, (text, *more))))


CAMERA = party("10.20.10.62", "front-door", "camera", "dev-camera")
LAPTOP = party("10.20.10.101", "LT-ACC-04", "workstation", "dev-laptop", "2001:db8:1::101")
NAS = party("10.20.20.5", "fs01", "nas", "dev-nas", "2001:db8:2::5")
C2, C2_V6 = party("203.0.113.66"), party("2001:db8:bad::66")


def outbound(
    machine: Host, peer: Host = C2, service: int = HTTPS, alert: str = "alert-aaaaaa", reason: str = ""
) -> Contact:
    return Contact(
        machine, peer, service, outside=True, alert=alert, reason=reason or f"{machine.name} called {peer.text}"
    )


def internal(machine: Host, peer: Host = NAS, service: int = SMB, alert: str = "alert-bbbbbb") -> Contact:
    return Contact(machine, peer, service, alert=alert, reason=f"{machine.name} opened {peer.text}")


def only(contacts: list[Contact], spec: Spec = WEEK) -> Request:
    (request,) = requests_of(contacts, spec)
    return request


def many() -> list[Request]:
    """One request of each kind: both families, one port, one protocol, all protocols, a network, all hosts, all but
    one, without expiry.
    """
    block = addresses_block("203.0.113.0/24")
    return [
        only([outbound(CAMERA), outbound(LAPTOP)]),
        only([outbound(LAPTOP, C2_V6)]),
        only([internal(CAMERA), internal(LAPTOP)]),
        only([internal(LAPTOP, service=6 << 16)]),
        only([outbound(CAMERA)], WEEK._replace(match=Match(17, 53), comment="CHG0012345")),
        only([outbound(CAMERA)], WEEK._replace(block=block, everyone=True, expires=None)),
        request_of_outside(
            [CAMERA, LAPTOP],
            [addresses_block("10.0.0.0/8"), addresses_block("2001:db8:1::/48")],
            WEEK,
            [HTTPS],
            ["no need"],
        ),
        request_of_service([NAS], [CAMERA], Match(6, 445), WEEK._replace(allow=(LAPTOP,)), ["SMB 1"]),
        only(
            [Contact(NAS, C2, HTTPS, outside=True, inbound=True, alert="alert-cccccc")],
            WEEK._replace(match=Match(6, 443)),
        ),
    ]


def addresses_block(text: str):
    import ipaddress

    return ipaddress.ip_network(text)
