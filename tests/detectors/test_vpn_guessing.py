"""Password guessing at VPN gateways: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from typing import Any

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.isakmp import IkeMessage
from tests.detectors.stories import SECOND, START, detector, inspected, one

GUESSING = "credential_access.vpn_guessing"
CLIENT, GATEWAY = "198.51.100.7", "10.0.0.1"


def message(at: float, exchange: str, spi: str, *, back: bool = False, version: int = 2, **fields: Any) -> Event:
    ends = (GATEWAY, CLIENT) if back else (CLIENT, GATEWAY)
    packet = Packet(ts=START + int(at * SECOND), src=parse(ends[0]), dst=parse(ends[1]), sport=500, dport=500)
    values = {"encrypted": False, "size": 200, "fragments": 1, "identity": "", "notify": 0} | fields
    return IkeMessage(packet, version, exchange, spi, back, **values)


def login(at: float, *sizes: int) -> list[Event]:
    """An IKE exchange with responses of these sizes."""
    spi = f"{int(at * 1000):016x}"
    story = [message(at, "ike_sa_init", spi), message(at, "ike_sa_init", spi, back=True)]
    for size in sizes:
        story += [message(at, "ike_auth", spi, encrypted=True)]
        story += [message(at, "ike_auth", spi, back=True, encrypted=True, size=size)]
    return story


def group(at: float, name: str) -> list[Event]:
    spi = f"{int(at * 1000):016x}"
    return [
        message(at, "aggressive", spi, version=1, identity=name),
        message(at, "aggressive", spi, version=1, back=True, identity=GATEWAY),
    ]


def test_logins_that_are_rejected() -> None:
    """A short last response, after which the client starts again, is a failure."""
    alert = one(inspected(detector(GUESSING), [each for n in range(40) for each in login(n, 80)]))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(GATEWAY))
    assert (alert.numbers["count"], alert.severity) == (15, Severity.medium)
    assert [one.technique for one in alert.techniques] == ["T1110.001", "T1110", "T1133"]


def test_notifications_in_the_clear() -> None:
    """Cleartext IKEv1 notifications are failures; both ends use port 500."""
    story = []
    for n in range(20):
        spi = f"{n:016x}"
        story += [message(n, "main", spi, version=1)]
        story += [message(n, "informational", spi, version=1, back=True, notify=24)]
    assert one(inspected(detector(GUESSING), story)).actor.address == parse(CLIENT)


def ended(at: float, *sizes: int) -> list[Event]:
    """The same, and the client ends the exchange after the last response."""
    return [*login(at, *sizes), message(at, "informational", f"{int(at * 1000):016x}", encrypted=True, size=80)]


def xauth(at: float, *, accepted: bool = False) -> list[Event]:
    """IKEv1 with a pre-shared key and a password (XAUTH)."""
    spi = f"{int(at * 1000):016x}"
    story = [message(at, "main", spi, version=1), message(at, "main", spi, version=1, back=True)]
    for exchange in ("main", "transaction", *(("quick",) if accepted else ())):
        sent: dict[str, Any] = {"version": 1, "encrypted": True, "size": 92}
        story += [message(at, exchange, spi, **sent), message(at, exchange, spi, back=True, **sent)]
    return story


def test_clients_that_end_the_exchange() -> None:
    """An EAP-MSCHAPv2 error of 128 bytes, after which the client gives up as strongSwan does, is a failure."""
    alert = one(inspected(detector(GUESSING), [each for n in range(20) for each in ended(n, 1216, 112, 128)]))
    assert (alert.actor.address, alert.numbers["count"]) == (parse(CLIENT), 15)


def test_one_way_captures() -> None:
    """The client's packets suffice: it ends each exchange and begins another one."""
    story = [each for n in range(20) for each in ended(n, 1216, 128) if each.packet.src == parse(CLIENT)]
    alert = one(inspected(detector(GUESSING), story))
    assert (alert.actor.address, alert.confidence) == (parse(CLIENT), 0.5)


def test_passwords_of_version_1() -> None:
    """XAUTH exchanges of encrypted messages without quick mode are failures."""
    assert one(inspected(detector(GUESSING), [each for n in range(20) for each in xauth(n)])).numbers["count"] == 15


def test_group_names() -> None:
    """A list of group names in aggressive mode raises an alert."""
    alert = one(inspected(detector(GUESSING), [each for n in range(9) for each in group(n, f"group{n}")]))
    assert (alert.numbers["count"], alert.actor.address) == (5, parse(CLIENT))


def test_benign_twins_are_quiet() -> None:
    """Successful logins (also with many short EAP rounds or XAUTH), a client with an old password that waits between
    attempts, one group, and a gateway that does not answer raise no alert.
    """
    for story in (
        [each for n in range(100) for each in login(n, 300)],
        [each for n in range(100) for each in login(n, 1200, 88, 92, 76, 260)],
        [each for n in range(100) for each in ended(n, 1200, 112, 144, 80, 260)],
        [each for n in range(100) for each in xauth(n, accepted=True)],
        [each for n in range(100) for each in login(30 * n, 80)],
        [each for n in range(100) for each in group(n, "staff")],
        [message(n, "ike_sa_init", f"{n:016x}") for n in range(100)],
    ):
        assert inspected(detector(GUESSING), story) == []


def test_repetition_is_reported_once_a_window() -> None:
    found = inspected(detector(GUESSING), [each for n in range(900) for each in login(n, 80)])
    assert len({alert.key for alert in found}) == 1
    assert len(found) <= 3
