"""Logins of all protocols in one form: who tried to get in where, as whom, and whether that went well.

Some protocols say so in one event; for others a request with credentials is remembered until its answer, in bounded tables. What is no decision about a
password (a first challenge, a server too busy) is no attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.packet import Packet
from sensor.core.tally import Counts
from sensor.detectors._kerberos import Exchanges
from sensor.detectors._words import network_of_packet
from sensor.dissectors._login_events import PasswordLogin
from sensor.dissectors._ntlm_events import NtlmLogin
from sensor.dissectors._smb_events import SmbLoginResult
from sensor.dissectors.ftp import FtpLogin
from sensor.dissectors.http import HttpLogin, HttpRequest, HttpResponse
from sensor.dissectors.imap import ImapLogin
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest, KerberosError
from sensor.dissectors.ldap import LdapBindResult
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.mysql import MysqlLogin
from sensor.dissectors.pop3 import Pop3Login
from sensor.dissectors.postgres import PostgresLogin
from sensor.dissectors.redis import RedisLogin
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from sensor.dissectors.sip import SipRequest, SipResponse
from sensor.dissectors.smtp import SmtpLogin
from sensor.dissectors.ssh import SshLogin
from sensor.dissectors.tds import TdsLogin
from sensor.dissectors.telnet import TelnetLogin
from sensor.dissectors.vnc import VncLogin

OPEN_LIMIT = 4096
FORM = "web form"
# Failures of an account before it gets in: as many as the usual limits of directories let pass.
EXPLAINED = 5
# NTSTATUS values that judge a login ([MS-ERREF] 2.3.1): no such user, wrong password, logon failure, restriction, hours, station, expired, disabled, type,
# locked out, must change.
REFUSALS = frozenset((
    0xC0000064, 0xC000006A, 0xC000006D, 0xC000006E, 0xC000006F, 0xC0000070, 0xC0000071, 0xC0000072, 0xC000015B, 0xC0000193, 0xC0000224, 0xC0000234,
))  # fmt: skip
NO_SUCH_USER = frozenset((0xC0000064,))
# Kerberos errors (RFC 4120, 7.5.9): unknown client, revoked, expired password, wrong password.
UNKNOWN, REVOKED, EXPIRED, WRONG = 6, 18, 23, 24
# Results that judge a login: of LDAP (RFC 4511, A.1), of MQTT 3.1.1 (3.2.2.3) and 5.0 (3.2.2.2).
LDAP_REFUSED, MQTT_REFUSED = 49, (4, 5, 134, 135)
# Schemes of HTTP whose answer 401 judges a password; the others need several rounds.
PASSWORDS = frozenset(("basic", "digest", "query"))


class Attempt(NamedTuple):
    """One login. ``unknown``: the server says that it knows no such account; ``judged``: the outcome is known, else only that somebody tried.

    ``seal``: of user and password, where the password went in clear.
    """

    service: str
    client: Subject
    server: Subject
    client_port: int
    server_port: int
    account: str
    accepted: bool
    unknown: bool = False
    judged: bool = True
    seal: str = ""

    @property
    def pair(self) -> tuple[int, int, str]:
        """What failures are counted by."""
        return self.client.address, self.server.address, self.service


class Refusals:
    """Refused logins by client, server and service within a window.

    A few of one account, after which the same account gets in, are explained and count no longer: somebody mistyped, or a program sent an old nonce of Digest
    or an old password first. More than that stay: then the password was guessed.
    """

    def __init__(self, window: int, explained: int = EXPLAINED) -> None:
        self._explained = explained
        self._all: Counts[tuple[int, int, str]] = Counts(window)
        self._own: Counts[tuple[int, int, str, str]] = Counts(window)

    def count(self, attempt: Attempt, ts: int) -> int:
        """Notes how a login ended; returns how many refusals count now."""
        own = (*attempt.pair, attempt.account.lower())
        if not attempt.accepted:
            self._own.add(own, ts)
            return self._all.add(attempt.pair, ts)
        slips = self._own.add(own, ts, 0)
        self._own.forget(own)
        return self._all.add(attempt.pair, ts, -slips if slips <= self._explained else 0)


class Shown(NamedTuple):
    """What a request showed for a login. ``query``: in its address, which a server that knows no such page does not look at."""

    account: str
    seal: str = ""
    query: bool = False


def _attempt(
    packet: Packet, service: str, account: str, accepted: bool, *, answer: bool = True, unknown: bool = False, judged: bool = True, seal: str = ""
) -> Attempt:
    source, other = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
    if answer:
        return Attempt(service, other, source, packet.dport, packet.sport, account, accepted, unknown, judged, seal)
    return Attempt(service, source, other, packet.sport, packet.dport, account, accepted, unknown, judged, seal)


def network(context: Context, event: Event, attempt: Attempt) -> dict[str, str | int]:
    """Facts of the packet for the record."""
    return network_of_packet(context, event.packet, attempt.service.lower(), answer=event.packet.src != attempt.client.address)


class Logins:
    """Reads the events of WATCHES; every detector that wants attempts has one of its own."""

    def __init__(self) -> None:
        self._centres = Exchanges()
        self._asked: Bounded[int, Shown] = Bounded(OPEN_LIMIT)  # conversation → the credentials it sent last
        self._calls: Bounded[tuple[str, int], str] = Bounded(OPEN_LIMIT)  # the same of SIP: call and number of the request

    def read(self, event: Event) -> Attempt | None:
        """The attempt that an event decides, None where it decides none."""
        read = _READERS.get(type(event))
        return read(self, event) if read is not None else None

    def ftp(self, event: FtpLogin) -> Attempt | None:
        return _attempt(event.packet, "FTP", event.user, event.accepted, seal=event.seal) if event.password else None

    def telnet(self, event: TelnetLogin) -> Attempt | None:
        packet = event.packet
        if event.result == "undecided":
            return None
        return _attempt(packet, "Telnet", event.user, event.result == "accepted", answer=packet.sport < packet.dport, seal=event.seal)

    def shell(self, event: SshLogin) -> Attempt | None:
        return _attempt(event.packet, "SSH", "", event.accepted)

    def smb(self, event: SmbLoginResult) -> Attempt | None:
        if event.method == "anonymous" or event.guest or (event.status and event.status not in REFUSALS):
            return None
        return _attempt(event.packet, "SMB", event.user, not event.status, unknown=event.status in NO_SUCH_USER)

    def centre_asked(self, event: KerberosAsRequest) -> Attempt | None:
        self._centres.request(event)
        return None

    def centre_refused(self, event: KerberosError) -> Attempt | None:
        asked = self._centres.initial(event)
        if asked is None or event.code not in (UNKNOWN, REVOKED, EXPIRED, WRONG):
            return None
        return _attempt(event.packet, "Kerberos", asked.client, False, unknown=event.code == UNKNOWN)

    def centre_granted(self, event: KerberosAsReply) -> Attempt | None:
        asked = self._centres.initial(event)
        return _attempt(event.packet, "Kerberos", event.client, True) if asked is not None and asked.proof else None

    def sip_asked(self, event: SipRequest) -> Attempt | None:
        if event.credentials:
            self._calls.put((event.call_id, event.cseq), event.callee if event.method == "REGISTER" else event.caller)
        return None

    def sip_answered(self, event: SipResponse) -> Attempt | None:
        if event.status < 200 or (event.call_id, event.cseq) not in self._calls:
            return None
        account = self._calls.pop((event.call_id, event.cseq)) or ""
        if event.status < 300 or event.status in (401, 403, 407):
            return _attempt(event.packet, "SIP", account, event.status < 300)
        return None

    def web_asked(self, event: HttpRequest) -> Attempt | None:
        if event.credentials in PASSWORDS and not event.forwarded:
            self._asked.put(event.packet.flow, Shown(event.user, event.seal, event.credentials == "query"))
        return None

    def web_proven(self, event: NtlmLogin) -> Attempt | None:
        """The last round of NTLM in HTTP, which the answer judges; other carriers tell their results themselves."""
        if event.carrier == "http" and event.method != "anonymous":
            self._asked.put(event.packet.flow, Shown(event.user))
        return None

    def web_answered(self, event: HttpResponse) -> Attempt | None:
        shown = self._asked.pop(event.packet.flow)
        if shown is None or event.status >= 500 or (shown.query and event.status >= 300 and event.status not in (401, 403)):
            return None
        return _attempt(event.packet, "HTTP", shown.account, event.status not in (401, 403, 407), seal=shown.seal)

    def web_form(self, event: HttpLogin) -> Attempt | None:
        return _attempt(event.packet, FORM, "", False, answer=False, judged=False, seal=event.seal)

    def media_asked(self, event: RtspRequest) -> Attempt | None:
        if event.credentials in PASSWORDS:
            self._asked.put(event.packet.flow, Shown(event.user, event.seal))
        return None

    def media_answered(self, event: RtspResponse) -> Attempt | None:
        shown = self._asked.pop(event.packet.flow)
        if shown is None or event.status >= 500:
            return None
        return _attempt(event.packet, "RTSP", shown.account, event.status not in (401, 403), seal=shown.seal)

    def ended(self, event: PasswordLogin) -> Attempt | None:
        if event.method == "none":
            return None
        return _attempt(event.packet, _SERVICES[type(event)], event.user, event.accepted, seal=event.seal)

    def directory(self, event: LdapBindResult) -> Attempt | None:
        if event.code not in (0, LDAP_REFUSED) or not event.name:
            return None
        return _attempt(event.packet, "LDAP", event.name, not event.code)

    def broker_asked(self, event: MqttConnect) -> Attempt | None:
        if event.password:
            self._asked.put(event.packet.flow, Shown("", event.seal))
        return None

    def broker_answered(self, event: MqttConnack) -> Attempt | None:
        shown = self._asked.pop(event.packet.flow)
        if shown is None or event.code not in (0, *MQTT_REFUSED):
            return None
        return _attempt(event.packet, "MQTT", shown.account, not event.code, seal=shown.seal)


_SERVICES: dict[type[Event], str] = {
    VncLogin: "VNC", MysqlLogin: "MySQL", PostgresLogin: "PostgreSQL", RedisLogin: "Redis", TdsLogin: "SQL Server",
    Pop3Login: "POP3", ImapLogin: "IMAP", SmtpLogin: "SMTP",
}  # fmt: skip
_READERS: dict[type[Event], Callable[..., Attempt | None]] = {
    FtpLogin: Logins.ftp, TelnetLogin: Logins.telnet, SshLogin: Logins.shell, SmbLoginResult: Logins.smb,
    KerberosAsRequest: Logins.centre_asked, KerberosError: Logins.centre_refused,
    KerberosAsReply: Logins.centre_granted, SipRequest: Logins.sip_asked, SipResponse: Logins.sip_answered, HttpRequest: Logins.web_asked,
    NtlmLogin: Logins.web_proven, HttpResponse: Logins.web_answered, HttpLogin: Logins.web_form,
    RtspRequest: Logins.media_asked, RtspResponse: Logins.media_answered,
    **dict.fromkeys(_SERVICES, Logins.ended), LdapBindResult: Logins.directory, MqttConnect: Logins.broker_asked, MqttConnack: Logins.broker_answered,
}  # fmt: skip
WATCHES = tuple(_READERS)
