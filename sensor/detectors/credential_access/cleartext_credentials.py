"""Passwords in cleartext, and desktops without a password.

Each client, server and protocol is reported once a day, because many devices work like this and it is a weakness rather
than an attack: with severity info if the protocol has hardly any alternative (SNMP community strings, web pages and
streams of devices), with severity low if the password of a user is sent, or a password leaves the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.ip_protocols import PROTOCOLS
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import ends_of, who
from sensor.dissectors.afp import AfpLogin
from sensor.dissectors.amqp import AmqpLogin
from sensor.dissectors.esphome import EsphomeLogin
from sensor.dissectors.ftp import FtpLogin, FtpPassword
from sensor.dissectors.http import HttpLogin, HttpRequest
from sensor.dissectors.imap import ImapLogin, ImapPassword
from sensor.dissectors.ldap import LdapBind
from sensor.dissectors.mongodb import MongodbLogin
from sensor.dissectors.mqtt import MqttConnect
from sensor.dissectors.mysql import MysqlLogin
from sensor.dissectors.nut import NutLogin
from sensor.dissectors.opcua import OpcuaLogin
from sensor.dissectors.pop3 import Pop3Login, Pop3Password
from sensor.dissectors.postgres import PostgresLogin
from sensor.dissectors.redis import RedisLogin, RedisPassword
from sensor.dissectors.rtsp import RtspRequest
from sensor.dissectors.shared.login_events import PasswordLogin, PasswordSent
from sensor.dissectors.sip import SipRequest
from sensor.dissectors.smtp import SmtpLogin, SmtpPassword
from sensor.dissectors.snmp import SnmpRequest
from sensor.dissectors.tds import TdsLogin
from sensor.dissectors.telnet import TelnetLogin
from sensor.dissectors.vnc import VncLogin

REPORTED_LIMIT = 16384
NOTHING = "nothing"
SNMP = 161  # port of agents
GUESTS = frozenset(("anonymous", "ftp", "guest"))


class Options(detector.Options):
    """How often it is reported."""

    every_s: int = Field(
        86400, ge=60, le=604800, description="seconds until the same client, server and protocol may be reported again"
    )


class Seen(NamedTuple):
    """A cleartext secret: protocol, account and severity. ``answer``: sent by the server; ``what``: kind of secret."""

    service: str
    account: str = ""
    severity: Severity = Severity.low
    answer: bool = False
    what: str = "a password"


def _ftp(event: FtpLogin) -> Seen | None:
    return Seen("FTP", event.user, answer=True) if event.password and event.user.lower() not in GUESTS else None


def _ftp_sent(event: FtpPassword) -> Seen | None:
    return Seen("FTP", event.user) if event.user.lower() not in GUESTS else None


def _sent(event: PasswordSent) -> Seen | None:
    return Seen(_SENT[type(event)], event.user)


def _telnet(event: TelnetLogin) -> Seen | None:
    return Seen("Telnet", event.user, answer=event.packet.sport < event.packet.dport) if event.password else None


def _web(event: HttpRequest) -> Seen | None:
    return (
        Seen("HTTP", event.user, Severity.info)
        if event.credentials in ("basic", "query") and not event.forwarded
        else None
    )


def _form(_: HttpLogin) -> Seen | None:
    return Seen("HTTP", "", Severity.info)


def _stream(event: RtspRequest) -> Seen | None:
    return Seen("RTSP", event.user, Severity.info) if event.credentials == "basic" else None


def _call(event: SipRequest) -> Seen | None:
    return Seen("SIP", event.caller) if event.basic else None


def _management(event: SnmpRequest) -> Seen | None:
    """No manager sends requests from the port of agents: reflectors return the requests of a flood."""
    returned = event.packet.sport == SNMP != event.packet.dport
    return Seen("SNMP", "", Severity.info, what="a community string") if event.community and not returned else None


def _directory(event: LdapBind) -> Seen | None:
    return Seen("LDAP", event.name) if event.secret else None


def _broker(event: MqttConnect) -> Seen | None:
    return Seen("MQTT", "", Severity.info) if event.password else None


def _login(event: PasswordLogin) -> Seen | None:
    return Seen(_SERVICES[type(event)], event.user, answer=True) if event.method == "clear" else None


def _desktop(event: VncLogin) -> Seen | None:
    """A desktop without a password: there is no secret at all."""
    return Seen("VNC", answer=True, what=NOTHING) if event.method == "none" else None


_SERVICES: dict[type[Event], str] = {
    MysqlLogin: "MySQL", PostgresLogin: "PostgreSQL", RedisLogin: "Redis", TdsLogin: "SQL Server",
    MongodbLogin: "MongoDB", AmqpLogin: "AMQP", Pop3Login: "POP3", ImapLogin: "IMAP", SmtpLogin: "SMTP",
    AfpLogin: "AFP", NutLogin: "NUT", EsphomeLogin: "ESPHome", OpcuaLogin: "OPC UA",
}  # fmt: skip
_SENT: dict[type[Event], str] = {
    ImapPassword: "IMAP", Pop3Password: "POP3", SmtpPassword: "SMTP", RedisPassword: "Redis",
}  # fmt: skip
_READERS: dict[type[Event], Callable[..., Seen | None]] = {
    FtpLogin: _ftp, FtpPassword: _ftp_sent, **dict.fromkeys(_SENT, _sent), TelnetLogin: _telnet, HttpRequest: _web,
    HttpLogin: _form, RtspRequest: _stream, SipRequest: _call, SnmpRequest: _management, LdapBind: _directory,
    MqttConnect: _broker, VncLogin: _desktop, **dict.fromkeys(_SERVICES, _login),
}  # fmt: skip


class CleartextCredentials(EventDetector):
    """Watches messages that contain passwords in cleartext."""

    title = "Credentials in cleartext"
    severity = Severity.low
    techniques = ("T1040", "T1552")
    advice = (
        "Use the encrypted form of the protocol: SSH and SFTP, HTTPS, IMAPS, LDAPS, MQTT over TLS, SNMPv3. If the "
        "device has none, put it into its own network and give it a unique password."
    )
    false_positives = "None; in an isolated network the risk may be accepted."
    Options = Options
    watches = tuple(_READERS)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.every_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        clear = field("method") == "clear"
        return {
            FtpLogin: field("password").filled(), TelnetLogin: field("password").filled(),
            MqttConnect: field("password").filled(),
            HttpRequest: field("credentials").is_in("basic", "query") & ~field("forwarded").filled(),
            RtspRequest: field("credentials") == "basic", SipRequest: field("basic").filled(),
            SnmpRequest: field("community").filled(), LdapBind: field("secret").filled(),
            VncLogin: field("method") == "none", **dict.fromkeys(_SERVICES, clear),
        }  # fmt: skip

    def inspect(self, event: Event) -> Iterator[Alert]:
        read = _READERS.get(type(event))
        seen = read(event) if read is not None else None
        if seen is None:
            return
        packet = event.packet
        client, server = (packet.dst, packet.src) if seen.answer else (packet.src, packet.dst)
        if self._reported.fresh((client, server, seen.service), event.ts):
            yield self._found(event, seen)

    def _found(self, event: Event, seen: Seen) -> Alert:
        client, server, near, far = ends_of(event.packet, answer=seen.answer)
        crosses = self._crosses(client, server)
        return self.alert(
            event,
            actor=client,
            target=server,
            summary=self._words(client, server, seen),
            why=(
                f"{seen.service} was used without {'a password' if seen.what == NOTHING else 'encryption'}",
                *(["it crossed the network border"] if crosses else []),
            ),
            numbers={"logins": 1, "threshold": 1, "every_s": self.options.every_s},
            key=(server.address, seen.service),
            severity=max(seen.severity, Severity.low) if crosses else seen.severity,
            actor_port=near,
            target_port=far,
            network={
                "proto": PROTOCOLS.get(event.packet.proto, str(event.packet.proto)),
                "app": seen.service.lower(),
                "vlan": event.packet.vlan,
                "direction": self.context.networks.direction(client.address, server.address),
            },
        )

    def _words(self, client: Subject, server: Subject, seen: Seen) -> str:
        name, other = who(self.context, client), who(self.context, server)
        if seen.what == NOTHING:
            return f"{other} shared its desktop with {name} without a password ({seen.service})"
        user = f" of {seen.account}" if seen.account else ""
        return f"{name} sent {seen.what}{user} to {other} in cleartext ({seen.service})"

    def _crosses(self, client: Subject, server: Subject) -> bool:
        inside = self.context.networks.inside
        return inside(client.address) != inside(server.address)
