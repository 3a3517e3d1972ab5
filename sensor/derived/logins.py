"""Logins of all protocols in one form: client, server, user and result of each attempt.

For some protocols a single event has all of that; for others a request with credentials is remembered until its answer,
in bounded tables. Answers that do not judge the password (a first challenge, a busy server) are not attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.deriver import Deriver
from sensor.core.event import Derived, Event
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.wants import Want, field, held
from sensor.derived.shared import verdicts
from sensor.derived.shared.controllers import Controllers
from sensor.derived.shared.exchanges import Exchanges, Proofs
from sensor.derived.shared.registrations import Registrations, SipLogin
from sensor.derived.shared.series import Refusals
from sensor.dissectors.afp import AfpLogin
from sensor.dissectors.amqp import AmqpLogin
from sensor.dissectors.esphome import EsphomeLogin
from sensor.dissectors.ftp import FtpEntered, FtpLogin, FtpPassword
from sensor.dissectors.http import HttpLogin, HttpRequest, HttpResponse
from sensor.dissectors.imap import ImapLogin, ImapPassword
from sensor.dissectors.ipmi import IpmiSession
from sensor.dissectors.iscsi import IscsiLogin
from sensor.dissectors.kerberos import KerberosAsReply, KerberosAsRequest, KerberosError, KerberosTgsRequest
from sensor.dissectors.ldap import LdapBindResult, LdapPassword
from sensor.dissectors.mongodb import MongodbLogin
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.mysql import MysqlLogin
from sensor.dissectors.nut import NutLogin
from sensor.dissectors.opcua import OpcuaLogin
from sensor.dissectors.pop3 import Pop3Login, Pop3Password
from sensor.dissectors.postgres import PostgresLogin
from sensor.dissectors.redis import RedisLogin, RedisPassword
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from sensor.dissectors.shared.login_events import PasswordLogin, PasswordSent
from sensor.dissectors.shared.ntlm_events import NtlmLogin
from sensor.dissectors.shared.smb_events import SmbLoginResult
from sensor.dissectors.sip import SipRequest, SipResponse
from sensor.dissectors.smtp import SmtpLogin, SmtpPassword
from sensor.dissectors.ssh import SshLogin
from sensor.dissectors.tds import TdsLogin
from sensor.dissectors.telnet import TelnetLogin
from sensor.dissectors.vnc import VncLogin

OPEN_LIMIT = 4096
FORM = "web form"
KERBEROS = "Kerberos"


class LoginAttempt(Derived):
    """A login attempt. ``unknown``: the server reports that the account does not exist; ``judged``: the outcome is
    known, not only the attempt; ``seal``: hash of user and password, if the password was in cleartext; ``shared``: the
    client sent the same password for another account before, if the outcome is unknown; ``proven``: a password was
    sent, otherwise the request is not captured and may have had none.
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
    shared: bool = False
    proven: bool = True

    @property
    def pair(self) -> tuple[int, int, str]:
        """The key by which failures are counted."""
        return self.client.address, self.server.address, self.service


class RequestCredentials(NamedTuple):
    """The credentials in a request. ``password_seal``: of the password alone; ``query``: they are in the URL, which a
    server without such a page ignores.
    """

    account: str
    seal: str = ""
    password_seal: str = ""
    query: bool = False


def _attempt(
    login: Event,
    service: str,
    account: str,
    accepted: bool,
    *,
    answer: bool = True,
    unknown: bool = False,
    judged: bool = True,
    seal: str = "",
    shared: bool = False,
    proven: bool = True,
) -> LoginAttempt:
    packet = login.packet
    source, other = Subject(packet.src_mac, packet.src, packet.vlan), Subject(packet.dst_mac, packet.dst, packet.vlan)
    near, far = packet.sport, packet.dport
    if answer:
        source, other, near, far = other, source, far, near
    return LoginAttempt(
        packet, login, service, source, other, near, far, account, accepted, unknown, judged, seal, shared, proven
    )


def _registered(event: Event, found: SipLogin | None, *, answer: bool) -> LoginAttempt | None:
    if found is None:
        return None
    return _attempt(
        event, "SIP", found.account, found.accepted, answer=answer, judged=found.judged, proven=found.proven
    )


class Logins(Deriver):
    """Subscribes to events with login results, and to those with credentials."""

    def __init__(self) -> None:
        self.tables = tables = NamedTables()
        self._kdcs = tables.include("kdcs", Exchanges())
        # (client, KDC) → the last unanswered request
        self._unanswered: Bounded[tuple[int, int], KerberosAsRequest] = tables.add("unanswered", Bounded(OPEN_LIMIT))
        self._proofs = tables.include("proofs", Proofs())
        # (client, KDC) with a request in the capture
        self._requesting: Bounded[tuple[int, int], bool] = tables.add("asking", Bounded(OPEN_LIMIT))
        # KDCs whose answers are captured
        self._replying: Bounded[int, bool] = tables.add("replying", Bounded(OPEN_LIMIT))
        # flow → the credentials sent last
        self._requested: Bounded[int, RequestCredentials] = tables.add("requested", Bounded(OPEN_LIMIT))
        # the last seal, if answers are missing
        self._sent: Bounded[tuple[int, int, str], str] = tables.add("sent", Bounded(OPEN_LIMIT))
        # (client, service, seal of a password) → the account it was sent for last, if answers are missing
        self._passwords: Bounded[tuple[int, str, str], str] = tables.add("passwords", Bounded(OPEN_LIMIT))
        self._registrations = Registrations(tables)
        # (client, controller) → the last unfinished IPMI login
        self._controllers = Controllers(tables.add("controllers", Bounded(OPEN_LIMIT)))
        # client, server and port
        self._refusals: Refusals[tuple[int, int, int]] = tables.include("refusals", Refusals())

    def wants(self) -> dict[type[Event], Want]:
        shown, answered = field("credentials").is_in(*verdicts.PASSWORDS), held(self._requested, "packet.flow")
        series = held(self._refusals.current, "packet.dst", "packet.src", "packet.sport")
        alone = field("packet.one_sided").filled()
        ended = dict.fromkeys(_SERVICES, field("method") != "none")
        return ended | {
            FtpLogin: field("password").filled(),
            TelnetLogin: (field("result") != "undecided") | field("packet.one_sided").filled(),
            SmbLoginResult: (field("method") != "anonymous")
            & ~field("guest").filled()
            & field("status").is_in(0, *verdicts.REFUSALS),
            IpmiSession: ~field("step").is_in("open", "opened"),
            KerberosTgsRequest: held(self._proofs.unused, "packet.src", "packet.dst"),
            SipRequest: field("credentials").filled() | (field("method") == "REGISTER"),
            SipResponse: (field("status") >= 200)
            & (held(self._registrations.calls, "call_id", "cseq") | (field("method") == "REGISTER")),
            HttpRequest: shown & ~field("forwarded").filled(),
            NtlmLogin: (field("carrier") == "http") & (field("method") != "anonymous"),
            HttpResponse: answered | (alone & ((field("status") == verdicts.PASSWORD_WANTED) | series)),
            RtspRequest: shown,
            RtspResponse: answered | (alone & ((field("status") == verdicts.PASSWORD_WANTED) | series)),
            LdapBindResult: (field("code") == verdicts.LDAP_REFUSED) | (field("code") == 0) & field("name").filled(),
            MqttConnect: field("password").filled(),
            MqttConnack: answered | (alone & (field("code").is_in(*verdicts.MQTT_REFUSED) | series)),
        }

    def derive(self, event: Event) -> Iterator[Derived]:
        attempt = _READERS[type(event)](self, event)
        if attempt is not None:
            yield attempt

    def _remember(self, event: Event, service: str, shown: RequestCredentials) -> LoginAttempt | None:
        """Remember credentials until their answer. If the server's packets were not captured, changed credentials are
        an attempt with unknown outcome; unchanged ones belong to a session.
        """
        packet = event.packet
        if not packet.one_sided:
            self._requested.put(packet.flow, shown)
            return None
        pair = (packet.src, packet.dst, service)
        if not shown.seal or self._sent.get(pair) == shown.seal:
            return None
        self._sent.put(pair, shown.seal)
        return self._sent_attempt(event, service, shown)

    def _sent_attempt(self, event: Event, service: str, shown: RequestCredentials) -> LoginAttempt:
        """Sent credentials with unknown outcome."""
        shared = self._is_shared(event.packet.src, service, shown)
        return _attempt(
            event, service, shown.account, False, answer=False, judged=False, seal=shown.seal, shared=shared
        )

    def _alone(self, event: Event, service: str, *, refused: bool) -> LoginAttempt | None:
        """An answer whose request is not captured."""
        packet = event.packet
        key = packet.dst, packet.src, packet.sport
        if not packet.one_sided or not self._refusals.add(key, packet.ts, refused=refused):
            return None
        return _attempt(event, service, "", False, judged=False, proven=False)

    def ftp(self, event: FtpLogin) -> LoginAttempt | None:
        return _attempt(event, "FTP", event.user, event.accepted, seal=event.seal) if event.password else None

    def ftp_sent(self, event: FtpPassword) -> LoginAttempt | None:
        return self._remember(event, "FTP", RequestCredentials(event.user, event.seal, event.password_seal))

    def password_sent(self, event: PasswordSent) -> LoginAttempt | None:
        """Web servers log in for many users: only another password, or one of another account, is an attempt."""
        packet, service = event.packet, _SENT[type(event)]
        key = (packet.src, packet.dst, f"{service} {event.user.lower()}")
        before = self._sent.get(key)
        self._sent.put(key, event.seal)
        attempt = self._sent_attempt(event, service, RequestCredentials(event.user, event.seal, event.password_seal))
        return None if before == event.seal or (before is None and not attempt.shared) else attempt

    def _is_shared(self, client: int, service: str, shown: RequestCredentials) -> bool:
        """Whether the client sent the same password for another account before."""
        if not shown.password_seal:
            return False
        password, account = (client, service, shown.password_seal), shown.account.lower()
        before = self._passwords.get(password)
        self._passwords.put(password, account)
        return before not in (None, account)

    def ftp_entered(self, event: FtpEntered) -> LoginAttempt | None:
        return _attempt(event, "FTP", event.user, True, answer=False, judged=False, seal=event.seal)

    def telnet(self, event: TelnetLogin) -> LoginAttempt | None:
        packet = event.packet
        if event.result == "undecided":
            shown = RequestCredentials(event.user, event.seal)
            return self._remember(event, "Telnet", shown) if packet.one_sided else None
        return _attempt(
            event, "Telnet", event.user, event.result == "accepted", answer=packet.sport < packet.dport, seal=event.seal
        )

    def shell(self, event: SshLogin) -> LoginAttempt | None:
        return _attempt(event, "SSH", "", event.accepted, judged=event.certain)

    def smb(self, event: SmbLoginResult) -> LoginAttempt | None:
        if event.method == "anonymous" or event.guest or (event.status and event.status not in verdicts.REFUSALS):
            return None
        return _attempt(event, "SMB", event.user, not event.status, unknown=event.status in verdicts.NO_SUCH_USER)

    def kerberos_requested(self, event: KerberosAsRequest) -> LoginAttempt | None:
        """If answers of the KDC are not captured, an account is treated as rejected if its client continues with
        another one instead of sending pre-authentication data, or sends such data again instead of using a ticket.
        Otherwise it may wait for several answers.
        """
        self._kdcs.request(event)
        pair = (event.packet.src, event.packet.dst)
        if event.proof and self._proofs.is_repeated(event) and event.packet.dst not in self._replying:
            return _attempt(event, KERBEROS, event.client, False, answer=False, judged=False)
        before = self._unanswered.get(pair)
        self._unanswered.put(pair, event)
        self._requesting.put(pair, True)
        if before is None or before.proof or event.proof or before.client.lower() == event.client.lower():
            return None
        if event.packet.dst in self._replying:
            return None
        return _attempt(event, KERBEROS, before.client, False, answer=False, unknown=True, judged=False)

    def kerberos_used(self, event: KerberosTgsRequest) -> LoginAttempt | None:
        """A client that uses a ticket was accepted."""
        self._proofs.unused.pop((event.packet.src, event.packet.dst))
        return None

    def kdc_rejected(self, event: KerberosError) -> LoginAttempt | None:
        """If no request of the client is captured, its account is known only if the error repeats it."""
        pair = (event.packet.dst, event.packet.src)
        self._unanswered.pop(pair)
        self._proofs.unused.pop(pair)
        self._replying.put(event.packet.src, True)
        requested = self._kdcs.initial(event)
        if event.code not in verdicts.KDC_REFUSED or (requested is None and pair in self._requesting):
            return None
        account = requested.client if requested is not None else event.client
        return _attempt(event, KERBEROS, account, False, unknown=event.code == verdicts.UNKNOWN)

    def kdc_issued(self, event: KerberosAsReply) -> LoginAttempt | None:
        self._unanswered.pop((event.packet.dst, event.packet.src))
        self._replying.put(event.packet.src, True)
        requested = self._kdcs.initial(event)
        return _attempt(event, KERBEROS, event.client, True) if requested is not None and requested.proof else None

    def sip_requested(self, event: SipRequest) -> LoginAttempt | None:
        return _registered(event, self._registrations.requested(event), answer=False)

    def sip_answered(self, event: SipResponse) -> LoginAttempt | None:
        return _registered(event, self._registrations.answered(event), answer=True)

    def http_requested(self, event: HttpRequest) -> LoginAttempt | None:
        if event.credentials not in verdicts.PASSWORDS or event.forwarded:
            return None
        query = event.credentials == "query"
        return self._remember(event, "HTTP", RequestCredentials(event.user, event.seal, event.password_seal, query))

    def web_proven(self, event: NtlmLogin) -> LoginAttempt | None:
        """The last round of NTLM in HTTP, whose answer has the result; other carriers have separate results."""
        if event.carrier == "http" and event.method != "anonymous":
            self._requested.put(event.packet.flow, RequestCredentials(event.user))
        return None

    def web_answered(self, event: HttpResponse) -> LoginAttempt | None:
        shown = self._requested.pop(event.packet.flow)
        if shown is None:
            refused = event.status == verdicts.PASSWORD_WANTED and not verdicts.PASSWORDS.isdisjoint(event.schemes)
            return self._alone(event, "HTTP", refused=refused)
        other = shown.query and event.status >= 300 and event.status not in (401, 403)
        if event.status in verdicts.UNJUDGED or event.stale or other:
            return None
        return _attempt(event, "HTTP", shown.account, event.status not in (401, 403, 407), seal=shown.seal)

    def web_form(self, event: HttpLogin) -> LoginAttempt | None:
        return self._sent_attempt(event, FORM, RequestCredentials(event.user, event.seal, event.password_seal))

    def rtsp_requested(self, event: RtspRequest) -> LoginAttempt | None:
        if event.credentials not in verdicts.PASSWORDS:
            return None
        return self._remember(event, "RTSP", RequestCredentials(event.user, event.seal, event.password_seal))

    def media_answered(self, event: RtspResponse) -> LoginAttempt | None:
        shown = self._requested.pop(event.packet.flow)
        if shown is None:
            refused = event.status == verdicts.PASSWORD_WANTED and not verdicts.PASSWORDS.isdisjoint(event.challenges)
            return self._alone(event, "RTSP", refused=refused)
        if event.status in verdicts.UNJUDGED or event.stale:
            return None
        return _attempt(event, "RTSP", shown.account, event.status not in (401, 403), seal=shown.seal)

    def ended(self, event: PasswordLogin) -> LoginAttempt | None:
        if event.method == "none":
            return None
        return _attempt(event, _SERVICES[type(event)], event.user, event.accepted, seal=event.seal)

    def controller(self, event: IpmiSession) -> LoginAttempt | None:
        ended = None if event.step in ("open", "opened") else self._controllers.end(event)
        if ended is None:
            return None
        return _attempt(event, "IPMI", ended.user, ended.accepted, answer=ended.answer, unknown=ended.unknown)

    def directory(self, event: LdapBindResult) -> LoginAttempt | None:
        if event.code != verdicts.LDAP_REFUSED and (event.code or not event.name):
            return None
        return _attempt(event, "LDAP", event.name, not event.code, seal=event.seal)

    def mqtt_connected(self, event: MqttConnect) -> LoginAttempt | None:
        shown = RequestCredentials(event.account, event.seal, event.password_seal)
        return self._remember(event, "MQTT", shown) if event.password else None

    def broker_answered(self, event: MqttConnack) -> LoginAttempt | None:
        shown = self._requested.pop(event.packet.flow)
        if shown is None:
            return self._alone(event, "MQTT", refused=event.code in verdicts.MQTT_REFUSED)
        if event.code not in (0, *verdicts.MQTT_REFUSED):
            return None
        return _attempt(event, "MQTT", shown.account, not event.code, seal=shown.seal)


_SERVICES: dict[type[Event], str] = {
    VncLogin: "VNC", MysqlLogin: "MySQL", PostgresLogin: "PostgreSQL", RedisLogin: "Redis", TdsLogin: "SQL Server",
    MongodbLogin: "MongoDB", IscsiLogin: "iSCSI", AmqpLogin: "AMQP", Pop3Login: "POP3", ImapLogin: "IMAP",
    SmtpLogin: "SMTP", AfpLogin: "AFP", NutLogin: "NUT", EsphomeLogin: "ESPHome", OpcuaLogin: "OPC UA",
}  # fmt: skip
_SENT: dict[type[Event], str] = {
    ImapPassword: "IMAP", Pop3Password: "POP3", SmtpPassword: "SMTP",
    LdapPassword: "LDAP", RedisPassword: "Redis",
}  # fmt: skip
_READERS: dict[type[Event], Callable[..., LoginAttempt | None]] = {
    FtpLogin: Logins.ftp, FtpPassword: Logins.ftp_sent, FtpEntered: Logins.ftp_entered,
    TelnetLogin: Logins.telnet, SshLogin: Logins.shell, SmbLoginResult: Logins.smb,
    KerberosAsRequest: Logins.kerberos_requested, KerberosTgsRequest: Logins.kerberos_used,
    KerberosError: Logins.kdc_rejected, KerberosAsReply: Logins.kdc_issued, IpmiSession: Logins.controller,
    SipRequest: Logins.sip_requested, SipResponse: Logins.sip_answered,
    HttpRequest: Logins.http_requested,
    NtlmLogin: Logins.web_proven, HttpResponse: Logins.web_answered, HttpLogin: Logins.web_form,
    RtspRequest: Logins.rtsp_requested, RtspResponse: Logins.media_answered,
    **dict.fromkeys(_SERVICES, Logins.ended), **dict.fromkeys(_SENT, Logins.password_sent),
    LdapBindResult: Logins.directory, MqttConnect: Logins.mqtt_connected,
    MqttConnack: Logins.broker_answered,
}  # fmt: skip
Logins.watches = tuple(_READERS)
