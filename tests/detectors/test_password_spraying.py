"""Password spraying: many accounts, many hosts, similar benign traffic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.dissectors.ftp import FtpPassword
from sensor.dissectors.imap import ImapPassword
from sensor.dissectors.kerberos import KerberosRequest
from sensor.dissectors.ldap import LdapPassword
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.pop3 import Pop3Password
from sensor.dissectors.rtsp import RtspRequest
from sensor.dissectors.shared.login_events import PasswordSent
from sensor.dissectors.shared.seal import password_seal, seal
from sensor.dissectors.smtp import SmtpPassword
from tests.detectors.kerberos_stories import login
from tests.detectors.login_stories import CLIENT, NO_SUCH_USER, ends, form, ftp, smb, ssh, web
from tests.detectors.stories import detector, inspected, one

SPRAY, GUESSING = "credential_access.password_spraying", "credential_access.password_guessing"


def test_many_accounts_with_few_tries_are_spraying() -> None:
    """One wrong password for each of many accounts raises an alert."""
    alert = one(inspected(detector(SPRAY), [smb(n, f"user{n}") for n in range(30)]))
    assert (alert.numbers["accounts"], alert.numbers["tries"], alert.actor.address) == (10, 10, parse(CLIENT))
    assert alert.techniques[0].technique == "T1110.003"


def test_names_that_do_not_exist_count_double() -> None:
    """Unknown accounts at a KDC or at a file server count twice."""
    found = inspected(detector(SPRAY), [each for n in range(8) for each in login(n, f"name{n}", proof="", refused=6)])
    assert (one(found).numbers["unknown"], one(found).techniques[0].technique) == (5, "T1087.002")
    assert one(inspected(detector(SPRAY), [smb(n, f"name{n}", status=NO_SUCH_USER) for n in range(8)]))


def test_one_account_at_many_hosts() -> None:
    """One account tried at many hosts raises an alert."""
    alert = one(inspected(detector(SPRAY), [smb(n, "Administrator", server=f"10.0.1.{n}") for n in range(1, 15)]))
    assert alert.numbers["hosts"] == 10
    assert parse("10.0.1.3") in {target.address for target in alert.targets}


def test_failed_ssh_logins_at_many_hosts() -> None:
    """Failed SSH logins at many servers raise an alert without a known account; monitoring that logs in, and a user who
    mistypes at some, do not.
    """
    alert = one(inspected(detector(SPRAY), [ssh(n * 5, server=f"10.0.1.{n}") for n in range(1, 40)]))
    assert (alert.numbers["hosts"], alert.actor.address, alert.techniques[0].technique) == (
        10,
        parse(CLIENT),
        "T1110.003",
    )
    monitoring = [ssh(n, server=f"10.0.1.{n}", accepted=True) for n in range(1, 200)]
    mistyped = [ssh(300 + n, server=f"10.0.1.{n % 9}") for n in range(60)]
    assert inspected(detector(SPRAY), monitoring + mistyped) == []


def test_unknown_accounts_where_answers_are_not_captured() -> None:
    """A client that changes accounts without pre-authentication was rejected. Users of a terminal server and computer
    accounts pre-authenticate.
    """
    names = [each for n in range(8) for each in login(n, f"name{n}", proof="", refused=6)]
    users = [each for n in range(40) for each in login(100 + n, f"user{n}", client="10.0.0.9")]
    alert = one(inspected(detector(SPRAY), one_way([*names, *users])))
    assert (alert.numbers["unknown"], alert.severity, alert.confidence) == (5, Severity.medium, 0.9)
    assert alert.actor.address == parse(CLIENT)
    assert one(inspected(detector(SPRAY), names)).severity == Severity.high


def test_same_password_for_many_accounts_where_answers_are_not_captured() -> None:
    """A client that sends one password to a directory for many accounts sprays; a web server whose users log in with
    their own passwords, again and again, does not, and of two that share one only the second is an attempt.
    """
    spray = [bind(n, f"CN=user{n}", b"Winter2026") for n in range(40)]
    alert = one(inspected(detector(SPRAY), spray))
    assert (alert.numbers["accounts"], alert.severity) == (10, Severity.medium)
    assert alert.actor.address == parse(CLIENT)
    portal = [bind(n, f"CN=user{n % 40}", b"%d" % (n % 40 % 39)) for n in range(400)]
    assert inspected(detector(SPRAY), portal) == inspected(detector(GUESSING), portal) == []


@pytest.mark.parametrize(
    ("sent", "port"), [(FtpPassword, 21), (ImapPassword, 143), (Pop3Password, 110), (SmtpPassword, 587)]
)
def test_same_password_for_many_mailboxes_where_answers_are_not_captured(sent: type[PasswordSent], port: int) -> None:
    """As at a directory. A webmail server whose users have their own passwords, and a program that repeats the login of
    one account, spray nothing.
    """

    def story(*logins: tuple[str, bytes]) -> list[Event]:
        return [
            sent(ends(n, port, answer=False, problem=Problem.ONE_SIDED), user, seal(user, password), seal("", password))
            for n, (user, password) in enumerate(logins)
        ]

    spray = story(*((f"user{n}", b"Winter2026") for n in range(40)))
    alert = one(inspected(detector(SPRAY), spray))
    assert (alert.numbers["accounts"], alert.severity, alert.actor.address) == (10, Severity.medium, parse(CLIENT))
    webmail = story(*((f"user{n % 40}", b"%d" % (n % 40)) for n in range(200)))
    repeated = story(*(("scanner", b"outdated") for _ in range(100)))
    assert inspected(detector(SPRAY), webmail) == inspected(detector(SPRAY), repeated) == []


def one_way_web(at: float, user: str, password: bytes) -> Event:
    """A request with credentials; the capture holds no packet of the server."""
    return web(at, user, password=password, problem=Problem.ONE_SIDED)[0]


def camera(at: float, user: str, password: bytes) -> Event:
    """A request for a stream; the capture holds no packet of the camera."""
    sent = seal(user, password), password_seal(password)
    packet = ends(at, 554, answer=False, problem=Problem.ONE_SIDED)
    return RtspRequest(packet, "DESCRIBE", "rtsp://h/", 2, "", "basic", user, *sent)


def broker(at: float, user: str, password: bytes) -> Event:
    """A client of a broker; the capture holds no packet of the broker."""
    sent = seal(user, password), password_seal(password)
    packet = ends(at, 1883, answer=False, problem=Problem.ONE_SIDED)
    return MqttConnect(packet, 4, "x", True, True, 60, "", *sent, user)


def test_accounts_of_a_broker() -> None:
    """A broker that rejects one login of each account, and one at which they succeed at the second try."""

    def story(*codes: int) -> list[Event]:
        return [
            each
            for n in range(30)
            for code in codes
            for each in (
                MqttConnect(ends(n, 1883, answer=False, flow=n + 1), 4, "x", True, True, 60, "", "s", "", f"user{n}"),
                MqttConnack(ends(n, 1883, answer=True, flow=n + 1), code),
            )
        ]

    assert one(inspected(detector(SPRAY), story(5))).numbers["accounts"] == 10
    assert inspected(detector(SPRAY), story(5, 0)) == []


@pytest.mark.parametrize("sent", [form, one_way_web, camera, broker])
def test_same_password_for_many_accounts_of_a_server(sent: Callable[..., Event]) -> None:
    """In forms, and in requests to web servers, cameras and brokers without the responses. Users with their own
    passwords, behind a proxy or in many sessions, and guessing at one account are no spraying; a longer list is one
    alert.
    """
    spray = [sent(n, f"user{n}", password=b"Winter2026") for n in range(200)]
    alert = one(inspected(detector(SPRAY), spray))
    assert (alert.numbers["accounts"], alert.severity, alert.actor.address) == (10, Severity.medium, parse(CLIENT))
    users = [sent(n, f"user{n % 40}", password=b"%d" % (n % 40)) for n in range(200)]
    guessed = [sent(n / 2, "admin", password=b"%d" % n) for n in range(40)]
    assert inspected(detector(SPRAY), [*users, *guessed]) == []
    assert one(inspected(detector(GUESSING), guessed)).target.address == alert.target.address


def bind(at: float, name: str, password: bytes) -> Event:
    """A simple bind; the capture holds no packet of the server."""
    return LdapPassword(ends(at, 389, answer=False), name, seal(name, password), seal("", password))


def one_way(story: list[Event]) -> list[Event]:
    """Only the client's packets."""
    return [event for event in story if isinstance(event, KerberosRequest)]


def test_benign_twins_are_quiet() -> None:
    """Guessing at few accounts, a terminal server whose users mistype, computer accounts, and the usual first error
    raise no alert.
    """
    story: list[Event] = [ftp(n / 4, f"user{n % 5}") for n in range(100)]
    story += [smb(100 + n / 2, f"user{n // 3}", status=0 if n % 3 else 0xC000006A) for n in range(30)]
    story += [smb(200 + n / 10, f"other{n}", status=0 if n % 3 else 0xC000006A, client="10.0.0.7") for n in range(40)]
    story += [smb(300 + n, f"WS{n}$", client="10.0.0.8") for n in range(40)] + [
        each for n in range(40) for each in login(400 + n, f"user{n}")
    ]
    assert inspected(detector(SPRAY), story) == []


def test_repetition_is_reported_once_a_window() -> None:
    """A long list of accounts is one alert."""
    found = inspected(detector(SPRAY), [smb(n / 5, f"user{n}") for n in range(2000)])
    assert len(found) == 1
