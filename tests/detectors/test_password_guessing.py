"""Password guessing over many protocols: the attack, similar benign traffic, repetition."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.dissectors.afp import AfpLogin
from sensor.dissectors.ftp import FtpLogin
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.ldap import LdapBindResult
from sensor.dissectors.mysql import MysqlLogin
from sensor.dissectors.shared.ntlm_events import NtlmLogin
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.ssh import SshLogin
from sensor.dissectors.telnet import TelnetLogin
from sensor.dissectors.vnc import VncLogin
from tests.detectors.login_stories import CLIENT, SERVER, ends, form, ftp, register, smb, telnet, web
from tests.detectors.stories import detector, inspected, one

GUESS = "credential_access.password_guessing"
ONE_SIDED = Problem.ONE_SIDED


def test_many_failures_are_guessing() -> None:
    """Many failures raise an alert with both ends, the numbers and the accounts."""
    found = inspected(detector(GUESS), [ftp(n * 2) for n in range(40)])
    assert [(alert.numbers["failures"], alert.severity) for alert in found[:2]] == [
        (6, Severity.low),
        (20, Severity.medium),
    ]
    assert one(found)
    alert = found[1]
    assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(CLIENT), parse(SERVER))
    assert (alert.numbers["failures"], alert.numbers["threshold"], alert.target_port) == (20, 20, 21)
    assert alert.techniques[0].technique == "T1110.001"
    assert "accounts: admin" in alert.why


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_web_pages_and_forms(scheme: str) -> None:
    """Rejected HTTP credentials, and forms with unknown outcome, raise an alert."""
    assert one(inspected(detector(GUESS), [each for n in range(25) for each in web(n, scheme=scheme)]))
    assert "web form" in one(inspected(detector(GUESS), [form(n) for n in range(25)])).summary


def test_ntlm_in_web_pages() -> None:
    """Only the last NTLM message over HTTP or WinRM is a login, with the outcome of its response."""
    story: list[Event] = []
    for n in range(25):
        requested, answered = web(n, scheme="ntlm")
        story += [
            requested,
            answered,
            requested,
            NtlmLogin(requested.packet, "http", "ntlmv2", "anna", "OFFICE", "WS-1", f"p{n}"),
            answered,
        ]
    found = inspected(detector(GUESS), story)
    assert one(found)
    assert (found[-1].numbers["failures"], found[-1].why[1]) == (20, "accounts: anna")


def shell(at: float, port: int = 22, flow: int = 1, *, accepted: bool = False, certain: bool = True) -> Event:
    return SshLogin(ends(at, port, answer=True, flow=flow), accepted, certain)


def test_ssh_on_other_ports() -> None:
    """SSH on other ports is evaluated by response sizes."""
    alert = inspected(detector(GUESS), [shell(n * 2, 20022) for n in range(25)])[-1]
    assert (alert.numbers["failures"], alert.target_port, alert.severity) == (20, 20022, Severity.medium)
    typo = [shell(n, 20022, accepted=n % 4 == 3) for n in range(200)]
    assert inspected(detector(GUESS), typo) == []


@pytest.mark.parametrize("certain", [True, False])
def test_many_attempts_in_few_ssh_sessions(certain: bool) -> None:
    """On the usual port, six attempts in each of five sessions (ncrack, patator) raise one alert; many sessions with
    few attempts each are reported by another detector.
    """
    found = inspected(detector(GUESS), [shell(n * 1.5, flow=n // 6, certain=certain) for n in range(30)])
    assert [(alert.numbers["failures"], alert.severity) for alert in found] == [(20, Severity.medium)]
    assert found[0].confidence == (0.9 if certain else 0.7)
    assert inspected(detector(GUESS), [shell(n, flow=n) for n in range(60)]) == []


def test_parallel_ssh_sessions() -> None:
    """Nineteen passwords in four sessions at a time, as `hydra -t 4` sends, raise an alert before the twentieth; so do
    they over Telnet. Eighteen that a person types in six sessions, one after the other, raise none.
    """
    for guesses in ([shell(n * 0.7, flow=n % 4) for n in range(19)], [telnet(n * 0.7) for n in range(19)]):
        alert = inspected(detector(GUESS), guesses)[-1]
        assert (alert.severity, alert.numbers["failures"], alert.numbers["window_s"]) == (Severity.medium, 10, 10)
    assert inspected(detector(GUESS), [shell(n * 6, flow=n // 3) for n in range(18)]) == []


def test_slow_ssh_guessing() -> None:
    """One SSH session with one attempt every 50 seconds raises an alert within an hour."""
    found = inspected(detector(GUESS), [shell(n * 50, flow=n) for n in range(80)])
    assert one(found).numbers["window_s"] == 3600


def test_ssh_agents_with_several_keys() -> None:
    """An agent that offers five wrong keys before the right one, and a user who mistypes the password, raise no alert
    in any number of sessions.
    """
    keys = [shell(n * 0.5, flow=n // 6, accepted=n % 6 == 5, certain=n % 6 == 5) for n in range(600)]
    assert inspected(detector(GUESS), keys) == []
    assert inspected(detector(GUESS), [shell(n * 3, flow=n // 6) for n in range(18)]) == []


def test_telnet_without_answers() -> None:
    """Each password counts once, with a lower confidence; a program that repeats one password raises no alert."""

    def login(n: int, word: bytes) -> Event:
        had = ends(n, 23, answer=False)
        sent = Packet(ts=had.ts, src=had.src, dst=had.dst, sport=had.sport, dport=23, proto=6, problem=ONE_SIDED)
        return TelnetLogin(sent, "admin", True, "undecided", seal("admin", word))

    def story(words: int) -> list[Event]:
        return [login(n, b"%d" % (n % words)) for n in range(25)]

    alert = one(inspected(detector(GUESS), story(25)))
    assert (alert.numbers["failures"], alert.confidence, alert.actor.address) == (20, 0.7, parse(CLIENT))
    assert inspected(detector(GUESS), story(1)) == []


def test_answers_without_requests() -> None:
    """Twenty refusals within a minute have low severity: the client may have sent no password. A client that polls a
    page without one is not reported, and no success after refusals is claimed.
    """

    def answered(at: float, status: int = 401) -> Event:
        had = ends(at, 80, answer=True, problem=ONE_SIDED)
        return HttpResponse(had, status, "", "", 0, ("basic",), "", "", "", "", False)

    story = [answered(n / 2) for n in range(60)]
    alert = one(inspected(detector(GUESS), story))
    assert (alert.severity, alert.numbers["failures"], alert.actor.address) == (Severity.low, 20, parse(CLIENT))
    assert inspected(detector(GUESS), [answered(n * 5) for n in range(500)]) == []
    assert inspected(detector(GUESS), [answered(n / 2, 401 if n % 3 else 200) for n in range(500)]) == []
    assert inspected(detector("credential_access.guessed_password"), [*story, answered(31, 200)]) == []


def test_slow_refusals_without_requests() -> None:
    """A server that refuses a login each 30 seconds may refuse the same password each time: low severity."""
    story = [FtpLogin(ends(n * 30, 21, answer=True, problem=ONE_SIDED), "", True, False, 530) for n in range(120)]
    assert one(inspected(detector(GUESS), story)).severity == Severity.low


def test_file_servers_have_a_limit_of_their_own() -> None:
    """Ten failures within ten minutes at a file server raise an alert."""
    assert one(inspected(detector(GUESS), [smb(n * 50) for n in range(12)])).numbers["threshold"] == 10


def test_databases_are_never_mistyped() -> None:
    """Two failures at a database are low, many are guessing; VNC and LDAP logins have the usual threshold."""
    story = [MysqlLogin(ends(n, 3306, answer=True), "root", "mysql_native_password", False) for n in range(40)]
    found = inspected(detector(GUESS), story)
    assert [(alert.severity, alert.numbers["failures"]) for alert in found] == [
        (Severity.low, 2),
        (Severity.medium, 20),
    ]
    desktop = [VncLogin(ends(n, 5900, answer=True), "", "vnc", False) for n in range(40)]
    assert "VNC" in one(inspected(detector(GUESS), desktop)).summary
    bind = [LdapBindResult(ends(n, 389, answer=True), "simple", "cn=admin", True, 49) for n in range(40)]
    assert "LDAP" in one(inspected(detector(GUESS), bind)).summary


def test_file_sharing_of_macs() -> None:
    """Many failures over AFP are guessing; a guest and a mistyped password are not."""
    story = [AfpLogin(ends(n, 548, answer=True), "anna", "DHX2", False) for n in range(40)]
    assert "AFP" in one(inspected(detector(GUESS), story)).summary
    guests = [AfpLogin(ends(n, 548, answer=True), "", "none", n % 2 == 0) for n in range(80)]
    assert inspected(detector(GUESS), [*guests, *story[:4]]) == []


def test_slow_guessing_is_found() -> None:
    """One attempt every 50 seconds all day raises an alert."""
    assert one(inspected(detector(GUESS), [ftp(n * 50) for n in range(80)])).numbers["window_s"] == 3600


def test_a_program_with_an_outdated_password() -> None:
    """The same password in cleartext, sent for hours, is one failure, and in bursts of low severity; other passwords
    from the same client are guesses.
    """

    def retried(step: float) -> list[Event]:
        story = [ftp(n * step, "scanner", password=b"old") for n in range(200)]
        for n in range(200):
            story += web(n * step, "svc", password=b"old")
        return sorted(story, key=lambda event: event.ts)

    assert inspected(detector(GUESS), retried(30)) == []
    assert {alert.severity for alert in inspected(detector(GUESS), retried(0.5))} == {Severity.low}
    guesses = [ftp(101 + n, "scanner") for n in range(20)]
    alert = inspected(detector(GUESS), [*retried(0.5), *guesses])[-1]
    assert alert.severity == Severity.medium
    assert (alert.numbers["failures"], alert.numbers["threshold"]) == (20, 20)


def test_one_camera_with_an_outdated_password() -> None:
    """A recorder that logs in to two other cameras, and is rejected by one every 20 seconds, has low severity; with one
    other camera, another account there, several accounts here, or twenty attempts a minute, it guesses.
    """

    def story(cameras: int = 2, user: str = "admin", tried: int = 1, step: float = 20) -> list[Event]:
        taken = [web(n, user, status=200, scheme="digest", server=f"10.0.0.{n + 10}") for n in range(cameras)]
        refused = [web(30 + n * step, ("admin", "root")[n % tried], scheme="digest") for n in range(200)]
        return [each for exchange in (*taken, *refused) for each in exchange]

    def severities(events: list[Event]) -> set[Severity]:
        return {alert.severity for alert in inspected(detector(GUESS), events)}

    assert severities(story()) == {Severity.low}
    for guessing in (story(cameras=1), story(user="viewer"), story(tried=2)):
        assert severities(guessing) == {Severity.medium}
    assert Severity.medium in severities(story(step=2))


def test_benign_twins_are_quiet() -> None:
    """A mistyped password, a device with an old password, successful logins, first challenges, NTLM negotiation, full
    disks, and phones raise no alert.
    """
    story: list[Event] = (
        [ftp(n) for n in range(4)] + [ftp(5, accepted=True)] + [ftp(100 + n * 120, "scanner") for n in range(60)]
    )
    story += (
        [smb(n, status=0) for n in range(50)]
        + [smb(n, status=0xC0000022) for n in range(50)]
        + [smb(n, "", status=0) for n in range(9)]
    )
    for n in range(100):
        story += web(n, status=200) + web(200 + n, scheme="ntlm") + web(400 + n, status=503) + register(n)
        story += [web(600 + n, scheme="")[0], web(600 + n)[1]]
    assert inspected(detector(GUESS), story) == []


def test_refusals_that_a_success_explains() -> None:
    """A Digest client with a stale nonce, and one that tries an old password first, raise no alert; the success of
    another account does not count.
    """
    old = [each for n in range(300) for each in (*web(n, scheme="digest"), *web(n + 0.1, status=200, scheme="digest"))]
    assert (
        inspected(
            detector(GUESS),
            [*old, *(each for n in range(40) for each in (smb(1000 + 9 * n), smb(1001 + 9 * n, status=0)))],
        )
        == []
    )
    hidden = [each for n in range(40) for each in (*web(n), *web(n + 0.1, "peter", status=200))]
    assert one(inspected(detector(GUESS), hidden)).severity == Severity.low
    assert {alert.severity for alert in inspected(detector(GUESS), hidden)} == {Severity.low, Severity.medium}
    late = [*(each for n in range(19) for each in web(n)), *web(19.5, status=200), *web(20)]
    assert Severity.medium in {alert.severity for alert in inspected(detector(GUESS), late)}


def test_repetition_is_reported_once_a_window() -> None:
    """A continuing attack on any account has one key and few reports."""
    found = inspected(detector(GUESS), [ftp(n / 10, f"user{n}") for n in range(3000)])
    assert one(found)
    assert len(found) <= 6
