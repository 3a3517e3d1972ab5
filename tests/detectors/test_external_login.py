"""Windows logins sent to external hosts: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.ntlm_events import NtlmLogin
from tests.detectors.stories import START, World, detector, inspected, one

LOGIN = "credential_access.external_login"
CLIENT, FAR, SERVER = "10.0.0.66", "203.0.113.9", "10.0.0.5"
REDIRECTOR, BROWSER = "Microsoft-WebDAV-MiniRedir/10.0.19045", "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0"


def packet(at: float, target: str, source: str = CLIENT) -> Packet:
    return Packet(ts=START + int(at * SECOND), src=parse(source), dst=parse(target), sport=50000, dport=445, proto=6)


def login(
    at: float = 0, *, target: str = FAR, source: str = CLIENT, carrier: str = "smb", method: str = "ntlmv2",
    user: str = "anna",
) -> Event:  # fmt: skip
    return NtlmLogin(packet(at, target, source), carrier, method, user, "CORP", "PC7", "1f")


def propfind(agent: str) -> Event:
    return HttpRequest(packet(0, FAR), "PROPFIND", FAR, "/share", agent, "", "", "", "", -1, False)


def test_a_login_over_smb() -> None:
    """One login is enough: actor is the client, target the external server."""
    alert = one(inspected(detector(LOGIN), [login()]))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(FAR))
    assert (alert.severity, alert.numbers["user"], alert.techniques[0].technique) == (Severity.high, "anna", "T1187")


def test_a_login_over_webdav() -> None:
    """Windows opens a share over HTTP; a browser that logs in to a web server does not count."""
    assert one(inspected(detector(LOGIN), [propfind(REDIRECTOR), login(1, carrier="http")]))
    assert inspected(detector(LOGIN), [propfind(BROWSER), login(1, carrier="http")]) == []


@pytest.mark.parametrize(
    "event",
    [
        login(target=SERVER),
        login(source=FAR, target=CLIENT),
        login(method="anonymous"),
        login(user=""),
        login(carrier="ldap"),
    ],
)
def test_other_logins(event: Event) -> None:
    """Internal servers, external clients, anonymous logins and other protocols raise no alert."""
    assert inspected(detector(LOGIN), [event]) == []


def test_allowed_servers_and_cloud_shares() -> None:
    """A server in ``allowed``, and a file share of a cloud service by its name."""
    assert inspected(detector(LOGIN, allowed=("203.0.113.0/24",)), [login()]) == []
    world = World()
    world.names[parse(FAR)] = ("files7.file.core.windows.net",)
    assert inspected(detector(LOGIN, world), [login()]) == []
    world.names[parse(FAR)] = ("file.core.windows.net.example.com",)
    assert len(inspected(detector(LOGIN, world), [login()])) == 1


def test_repetition_is_reported_once_an_hour_for_each_account() -> None:
    tries = [login(n * 10) for n in range(100)] + [login(1000, user="ben"), login(3700)]
    assert len(inspected(detector(LOGIN), tries)) == 3
