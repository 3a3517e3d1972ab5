"""Attacks on the login of management controllers: the attacks, similar benign traffic, repetition."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.ipmi import IpmiSession
from tests.detectors.login_stories import CLIENT, SERVER, ends
from tests.detectors.stories import detector, inspected, one

LOGIN, GUESSING = "credential_access.ipmi_login", "credential_access.password_guessing"
UNKNOWN, WRONG = 0x0D, 0x0F


def step(at: float, name: str, *, user: str = "", status: int = 0, algorithm: int = -1, hashed: bool = False) -> Event:
    packet = ends(at, 623, answer=name in ("opened", "rakp_2", "rakp_4"), flow=int(at) + 1)
    return IpmiSession(packet, name, status, user, algorithm, hashed)


def request(at: float, user: str, status: int = 0) -> list[Event]:
    """A client names a user; the controller sends the hash, or does not know the user."""
    return [
        step(at, "open", algorithm=1),
        step(at, "opened", algorithm=1),
        step(at, "rakp_1", user=user),
        step(at, "rakp_2", status=status, hashed=not status),
    ]


def login(at: float, user: str) -> list[Event]:
    return [*request(at, user), step(at, "rakp_3"), step(at, "rakp_4")]


def test_hashes_of_a_list_of_users() -> None:
    """A tool names users in turn and never proves a password; most of them do not exist."""
    names = ["ADMIN", "admin", "root", "Administrator", "USERID"]
    story = [each for n, name in enumerate(names) for each in request(n, name, 0 if name == "ADMIN" else UNKNOWN)]
    alert = one(inspected(detector(LOGIN), story))
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(SERVER))
    assert (alert.numbers["users"], alert.numbers["hashes"], alert.severity) == (4, 1, Severity.high)
    assert alert.techniques[0].technique == "T1110.002"


def test_a_session_without_authentication() -> None:
    """Cipher suite 0 is accepted; a controller that rejects it is no alert."""
    alert = one(inspected(detector(LOGIN), [step(0, "open", algorithm=0), step(0, "opened", algorithm=0)]))
    assert (alert.actor.address, alert.severity) == (parse(CLIENT), Severity.high)
    assert inspected(detector(LOGIN), [step(0, "open", algorithm=0), step(0, "opened", status=0x11)]) == []


def test_what_management_does() -> None:
    """Users that prove their passwords, a stale password that is tried all day, mistyped names, and an audit."""
    stale = [each for n in range(50) for each in request(60 * n, "monitor")]
    users = [each for n in range(30) for each in login(n, f"operator{n % 6}")]
    typed = [*request(0, "admin", UNKNOWN), *request(20, "Admin", UNKNOWN), *login(40, "ADMIN")]
    for story in (stale, users, typed):
        assert inspected(detector(LOGIN), story) == []
    audit = [each for n, name in enumerate("abcdef") for each in request(n, name)]
    assert one(inspected(detector(LOGIN, managers=(CLIENT,)), audit)).severity is Severity.low


def test_repetition_is_one_finding() -> None:
    story = [each for n in range(200) for each in request(n, f"user{n}")]
    assert one(inspected(detector(LOGIN), story)).numbers["users"] == 4


def test_guessed_passwords() -> None:
    """Logins that end after the controller's proof, or with a failure, are failed logins; accepted ones are not."""
    ended = [each for n in range(30) for each in request(n, "ADMIN")]
    failed = [each for n in range(30) for each in [*request(n, "ADMIN"), step(n, "rakp_3", status=WRONG)]]
    for story in (ended, failed):
        alert = one(inspected(detector(GUESSING), story))
        assert (alert.actor.address, alert.target and alert.target.address) == (parse(CLIENT), parse(SERVER))
    assert inspected(detector(GUESSING), [each for n in range(60) for each in login(n, "ADMIN")]) == []
