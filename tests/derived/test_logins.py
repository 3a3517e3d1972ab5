"""Logins of all protocols in one form: from one event, or from a request and its response; and what is no login."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sensor.core.addresses import parse
from sensor.core.batch import Problem
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.core.wants import ALWAYS, event_reader
from sensor.derived.logins import OPEN_LIMIT, LoginAttempt, Logins
from sensor.dissectors.ftp import FtpEntered, FtpLogin, FtpPassword
from sensor.dissectors.http import HttpRequest, HttpResponse
from sensor.dissectors.kerberos import KerberosAsRequest, KerberosError, KerberosTgsRequest
from sensor.dissectors.ldap import LdapBindResult
from sensor.dissectors.mqtt import MqttConnack
from sensor.dissectors.pop3 import Pop3Password
from sensor.dissectors.rtsp import RtspRequest, RtspResponse

CLIENT, SERVER = parse("10.0.0.1"), parse("10.0.0.2")


def packet(*, answer: bool, flow: int = 1) -> Packet:
    near, far = (SERVER, CLIENT) if answer else (CLIENT, SERVER)
    return Packet(ts=1, src=near, dst=far, sport=80 if answer else 4000, dport=4000 if answer else 80, flow=flow)


def requested(credentials: str = "basic", flow: int = 1) -> Event:
    return HttpRequest(
        packet(answer=False, flow=flow), "GET", "h", "/", "", credentials, "Ann", "", "", -1, False, seal="s"
    )


def answered(status: int, flow: int = 1) -> Event:
    return HttpResponse(packet(answer=True, flow=flow), status, "", "", -1, (), "", "", "", "", False)


def attempts(events: Iterable[Event], unit: Logins | None = None) -> list[LoginAttempt]:
    """The derived events; an event that is not wanted must give none."""
    unit, found = unit or Logins(), []
    for event in events:
        wanted = unit.wants().get(type(event), ALWAYS).holds(event_reader(event))
        made = list(unit.derive(event))
        assert wanted or not made
        found += made
    return found


def test_an_event_that_reports_how_a_login_ended() -> None:
    """The ends are client and server, whichever sent the packet; the event itself is the proof."""
    event = FtpLogin(packet(answer=True), "Ann", True, False, 530, "s")
    [attempt] = attempts([event])
    assert (attempt.origin, attempt.packet, attempt.ts) == (event, event.packet, 1)
    assert (attempt.service, attempt.account, attempt.accepted, attempt.judged, attempt.seal) == (
        "FTP",
        "Ann",
        False,
        True,
        "s",
    )
    assert (attempt.client.address, attempt.server.address, attempt.server_port, attempt.client_port) == (
        CLIENT,
        SERVER,
        80,
        4000,
    )
    assert attempt.pair == (CLIENT, SERVER, "FTP")


def test_a_request_and_its_answer() -> None:
    """The response of the same flow determines the outcome, once."""
    story = [requested(), answered(200, flow=2), answered(401), answered(200), requested("ntlm"), answered(200)]
    assert [(one.service, one.account, one.accepted) for one in attempts(story)] == [("HTTP", "Ann", False)]


def test_what_decides_nothing_is_no_attempt() -> None:
    """A server that is overloaded or limits the rate of requests, and a login without a password."""
    assert attempts([requested(), answered(503), FtpLogin(packet(answer=True), "ftp", False, True, 230)]) == []
    for status in (400, 408, 429):
        assert attempts([requested(), answered(status)]) == []
        media = RtspRequest(packet(answer=False), "DESCRIBE", "rtsp://h/", 1, "", "basic", "Ann", "s")
        assert attempts([media, RtspResponse(packet(answer=True), status, "", 1, "", (), "")]) == []


def test_old_nonces_are_no_attempts() -> None:
    """A challenge with a new nonce (RFC 7616, 3.3) does not judge the password; the next answer does."""
    old = msgspec.structs.replace(answered(401), stale=True)
    assert [one.accepted for one in attempts([requested("digest"), old, requested("digest"), answered(401)])] == [False]
    media = RtspRequest(packet(answer=False), "DESCRIBE", "rtsp://h/", 1, "", "digest", "Ann", "")
    stale = RtspResponse(packet(answer=True), 401, "", 1, "", ("digest",), "", True)
    assert attempts([media, stale]) == []


def test_without_the_server_s_packets_other_credentials_are_attempts() -> None:
    """Their outcome is unknown; a session that repeats the same credentials with each request is one attempt."""
    unit, reported = Logins(), []
    for n, seal in enumerate(("a", "b", "b", "b", "c")):
        request = HttpRequest(
            Packet(ts=n, src=CLIENT, dst=SERVER, sport=4000 + n, dport=80, proto=6, problem=Problem.ONE_SIDED),
            "GET", "h", "/", "", "basic", "Ann", "", "", -1, False, seal=seal,
        )  # fmt: skip
        reported += attempts([request], unit)
    assert [(each.seal, each.judged, each.service) for each in reported] == [(seal, False, "HTTP") for seal in "abc"]


def test_refusals_without_the_client_s_packets() -> None:
    """The requests may have had no password. A series of refusals without another answer in between counts, except its
    first four; answers to a session, to a browser, and polls do not, nor do those that need several rounds.
    """

    def web(n: float, status: int, *schemes: str) -> Event:
        return HttpResponse(alone(n), status, "", "", -1, schemes, "", "", "", "", False)

    def media(n: float, status: int) -> Event:
        return RtspResponse(alone(n), status, "", 1, "", ("digest",) if status == 401 else (), "")

    def alone(n: float) -> Packet:
        ts = int(n * SECOND)
        return Packet(ts=ts, src=SERVER, dst=CLIENT, sport=80, dport=4000, proto=6, problem=Problem.ONE_SIDED)

    for story in (
        [web(n, 401, "basic") for n in range(8)],
        [media(n, 401) for n in range(8)],
        [MqttConnack(alone(n), code) for n, code in enumerate((4, 5, 134, 135, 5, 5, 5, 5))],
    ):
        found = attempts(story)
        assert [(one.accepted, one.judged, one.proven, one.account) for one in found] == 4 * [(False, False, False, "")]
        assert (found[0].client.address, found[0].server.address, found[0].server_port) == (CLIENT, SERVER, 80)
    for quiet in (
        [web(n, 200 if n % 5 == 4 else 401, "basic") for n in range(100)],
        [media(n, 200 if n % 2 else 401) for n in range(100)],
        [MqttConnack(alone(n), 0 if n % 2 else 5) for n in range(100)],
        [web(n * 30, 401, "basic") for n in range(100)],
        [web(n, 401, "ntlm", "negotiate") for n in range(100)],
        [web(n, 403) for n in range(100)],
        [answered(401, flow=n) for n in range(100)],
    ):
        assert attempts(quiet) == []


def test_passwords_of_ftp_without_the_server_s_packets() -> None:
    """Each different password is an attempt."""
    sent = [
        FtpPassword(Packet(ts=n, src=CLIENT, dst=SERVER, proto=6, problem=Problem.ONE_SIDED), "bro", seal)
        for n, seal in enumerate("abbc")
    ]
    assert [(each.seal, each.judged, each.service) for each in attempts(sent)] == [(one, False, "FTP") for one in "abc"]
    entered = FtpEntered(Packet(src=CLIENT, dst=SERVER, proto=6, problem=Problem.ONE_SIDED), "bro", "c")
    [found] = attempts([entered])
    assert (found.client.address, found.account, found.accepted, found.judged) == (CLIENT, "bro", True, False)


def test_passwords_of_mail_without_the_server_s_packets() -> None:
    """Each further password of an account is an attempt; one that is sent again, and those of many users of a webmail
    server, are none.
    """

    def sent(*passwords: tuple[str, str]) -> list[tuple[str, str, bool]]:
        oneway = [
            Pop3Password(Packet(ts=n, src=CLIENT, dst=SERVER, proto=6, problem=Problem.ONE_SIDED), user, seal)
            for n, (user, seal) in enumerate(passwords)
        ]
        return [(each.service, each.seal, each.judged) for each in attempts(oneway)]

    assert sent(("bro", "a"), ("bro", "b"), ("Bro", "b"), ("bro", "c")) == [("POP3", "b", False), ("POP3", "c", False)]
    assert sent(*((f"user{n % 30}", f"seal{n % 30}") for n in range(90))) == []


def test_errors_of_kerberos_without_the_client_s_packets() -> None:
    """Errors about accounts and passwords are failures; a client whose requests are captured is judged by them."""
    error = KerberosError(Packet(src=SERVER, dst=CLIENT, sport=88, dport=4000, flow=9), 24, "ann", "R", "krbtgt/R", ())
    required = KerberosError(error.packet, 25, "ann", "R", "krbtgt/R", ())
    unknown = KerberosError(error.packet, 6, "", "R", "krbtgt/R", ())
    found = attempts([error, required, unknown])
    assert [(each.account, each.accepted, each.unknown) for each in found] == [("ann", False, False), ("", False, True)]
    there = Packet(src=CLIENT, dst=SERVER, sport=4001, dport=88, flow=8)
    seen = KerberosAsRequest(there, "ann", "R", "krbtgt/R", (18,), 0, "", "", 0)
    assert attempts([seen, error]) == []


def test_results_of_binds() -> None:
    """A rejection is a failure, of an unknown account too; success is a login only with a name (not anonymous)."""
    results = [
        LdapBindResult(packet(answer=True), "simple", name, bool(name), code)
        for name, code in (("cn=a", 0), ("", 0), ("cn=a", 49), ("", 49), ("cn=a", 53))
    ]
    assert [(one.account, one.accepted) for one in attempts(results)] == [("cn=a", True), ("cn=a", False), ("", False)]


def test_requests_of_kerberos_that_wait_for_answers() -> None:
    """A client that continues with other accounts leaves them only if no answers of the KDC are captured."""

    def requests(*accounts: str) -> list[Event]:
        return [
            KerberosAsRequest(
                Packet(src=CLIENT, dst=SERVER, sport=4000 + n, dport=88, flow=n), account, "R", "krbtgt/R", (18,), 0,
                "", "", 0,
            )
            for n, account in enumerate(accounts)
        ]  # fmt: skip

    left = attempts(requests("ann", "bob", "eve"))
    assert [(each.account, each.judged) for each in left] == [("ann", False), ("bob", False)]
    answer = Packet(src=SERVER, dst=CLIENT, sport=88, dport=4000)
    assert attempts([KerberosError(answer, 25, "", "R", "krbtgt/R", ()), *requests("ann", "bob", "eve")]) == []


def test_proofs_of_kerberos_without_the_kdc_s_packets() -> None:
    """Another proof of an account without a ticket in between follows a rejection. A proof over the other transport,
    one after a minute, of another account or to a KDC whose answers are captured is no such proof.
    """

    def proof(at: float, account: str = "ann", proto: int = 17) -> Event:
        there = Packet(ts=int(at * SECOND), src=CLIENT, dst=SERVER, sport=4000, dport=88, proto=proto)
        return KerberosAsRequest(there, account, "R", "krbtgt/R", (18,), 0, "", "timestamp", 18)

    def used(at: float) -> Event:
        there = Packet(ts=int(at * SECOND), src=CLIENT, dst=SERVER, sport=4000, dport=88, proto=17)
        return KerberosTgsRequest(there, "", "R", "cifs/fs", (18,), 0, "", "t1", 18, "krbtgt/R", 18, False)

    found = attempts([proof(1), proof(2), proof(3, "ANN")])
    assert [(each.account, each.accepted, each.judged, each.unknown) for each in found] == [
        ("ann", False, False, False),
        ("ANN", False, False, False),
    ]
    answer = KerberosError(Packet(src=SERVER, dst=CLIENT, sport=88, dport=4000), 25, "", "R", "krbtgt/R", ())
    for quiet in (
        [proof(1), used(2), proof(3)],
        [proof(1), proof(2, proto=6)],
        [proof(1), proof(70)],
        [proof(1), proof(2, "bob"), proof(3, "eve")],
        [proof(1), answer, proof(3)],
        [answer, proof(1), proof(2)],
    ):
        assert attempts(quiet) == []


def test_requests_that_wait_are_bounded() -> None:
    """The oldest request is evicted."""
    unit = Logins()
    assert attempts([requested(flow=flow) for flow in range(OPEN_LIMIT + 1)], unit) == []
    assert attempts([answered(200, flow=0)], unit) == []
    assert len(attempts([answered(200, flow=1)], unit)) == 1
