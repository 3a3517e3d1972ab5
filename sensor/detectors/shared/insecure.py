"""Insecure settings of services, each proven by one message.

The device's own messages are used where there are any; for TFTP files and web forms, the requests to it. Evidence in
two messages (a stream requested without a password, and delivered) is joined by conversation, of which a bounded number
is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, held
from sensor.dissectors.ftp import FtpLogin
from sensor.dissectors.http import HttpLogin, HttpResponse
from sensor.dissectors.ipmi import IpmiChannel, IpmiSession
from sensor.dissectors.iscsi import IscsiLogin
from sensor.dissectors.memcached import MemcachedLogin
from sensor.dissectors.mongodb import MongodbLogin
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.opcua import OpcuaLogin
from sensor.dissectors.postgres import PostgresLogin
from sensor.dissectors.redis import RedisLogin
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from sensor.dissectors.service_api import ServiceApiLogin
from sensor.dissectors.shared.login_events import PasswordLogin
from sensor.dissectors.shared.smb_events import SmbNegotiated
from sensor.dissectors.snmp import SnmpResponse
from sensor.dissectors.telnet import TelnetBanner, TelnetLogin
from sensor.dissectors.tftp import TftpRead, TftpWrite
from sensor.dissectors.tls import TlsCertificate, TlsServerHello
from sensor.dissectors.vnc import VncLogin

OPEN_LIMIT = 2048
OK, PASSWORD_WANTED = 200, 401
WATCHING = ("DESCRIBE", "PLAY")
# The dissector masks secrets in URLs with asterisks.
STARS = "***"
COMMUNITIES = ("public", "private")
CERTIFICATES = ("certificate_expired", "certificate_weak", "certificate_self_signed")
MOVED = (301, 302, 307, 308)
# MQTT 3.1.1, 3.2.2.3 and 5.0, 3.2.2.2: bad user name or password, not authorised.
NO_LOGIN = (4, 5, 134, 135)
# RFC 8996 for versions of TLS and DTLS; NIST SP 800-57 part 1, revision 5 for lengths of keys: 112 bits of security.
OLD_TLS = frozenset(("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "DTLS 1.0"))
LEAST_BITS = {"rsa": 2048, "dsa": 2048, "ec": 224}


class InsecureSetting(NamedTuple):
    """``setting``: its name, empty where nothing is insecure; ``does``: continues "the device …"; ``why``: the field
    that proves it, and its value.

    ``requested``: known from a request to the device only; ``as_client``: the device is the client, so that its port
    means nothing; ``fixes``: settings that this message shows as fixed; ``whose``: the device, where it is neither
    sender nor receiver.
    """

    setting: str
    app: str = ""
    does: str = ""
    why: str = ""
    requested: bool = False
    as_client: bool = False
    fixes: tuple[str, ...] = ()
    whose: Subject | None = None


class Insecure:
    """Reads events one by one, in packet order."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._streams: Bounded[int, tuple[str, int, bool]] = self.tables.add("streams", Bounded(OPEN_LIMIT))
        self._brokers: Bounded[int, bool] = self.tables.add("brokers", Bounded(OPEN_LIMIT))
        # flows with a request for a session without authentication (IPMI)
        self._sessions: Bounded[int, bool] = self.tables.add("sessions", Bounded(OPEN_LIMIT))
        self._joined: dict[type[Event], Callable[..., InsecureSetting | None]] = {
            RtspRequest: self._wanted, RtspResponse: self._streamed, MqttConnect: self._came,
            MqttConnack: self._accepted, IpmiSession: self._controlled,
        }  # fmt: skip

    def wants(self) -> dict[type[Event], Want]:
        """Prefilter of events by class; for a class without one, every event is evaluated."""
        moved = field("status").is_in(*MOVED) & field("location").filled()
        refused = (field("status") == PASSWORD_WANTED) & field("schemes").has("basic")
        return {
            HttpResponse: moved | refused, SnmpResponse: field("community").filled(),
            SmbNegotiated: field("version") == 1,
            TlsServerHello: field("version").is_in(*OLD_TLS), TlsCertificate: ~field("from_client").filled(),
            IpmiSession: field("step").is_in("open", "opened") | field("hashed").filled(),
            RtspResponse: held(self._streams, "packet.flow"), MqttConnack: held(self._brokers, "packet.flow"),
        }  # fmt: skip

    def read(self, event: Event) -> InsecureSetting | None:
        """The weak or correct setting in an event; None if there is none."""
        kind = type(event)
        read = _READERS.get(kind) or self._joined.get(kind)
        return read(event) if read is not None else None

    def _wanted(self, event: RtspRequest) -> None:
        before = self._streams.get(event.packet.flow)
        proved = (before is not None and before[2]) or bool(event.credentials) or STARS in event.uri
        self._streams.put(event.packet.flow, (event.method, event.cseq, proved))

    def _streamed(self, event: RtspResponse) -> InsecureSetting | None:
        method, cseq, proved = self._streams.get(event.packet.flow) or ("", -1, True)
        if proved or method not in WATCHING or cseq != event.cseq:
            return None
        if event.status != OK:
            return (
                InsecureSetting("", why="it answered 401 to a request without credentials", fixes=("rtsp_open",))
                if event.status == PASSWORD_WANTED
                else None
            )
        return InsecureSetting(
            "rtsp_open",
            "rtsp",
            "streams without authentication (RTSP)",
            f"it answered {method} with 200 without credentials",
        )

    def _controlled(self, event: IpmiSession) -> InsecureSetting | None:
        if event.hashed:
            return InsecureSetting(
                "ipmi",
                "ipmi",
                "sends password hashes to clients before they log in (IPMI 2.0)",
                "its RAKP message 2 contained a hash of the user's password",
            )
        if event.step == "open" and not event.algorithm:
            self._sessions.put(event.packet.flow, True)
        elif event.step == "opened" and self._sessions.pop(event.packet.flow):
            if event.status:
                return InsecureSetting("", why="it rejected cipher suite 0", fixes=("ipmi_open",))
            return InsecureSetting(
                "ipmi_open",
                "ipmi",
                "accepts IPMI sessions without authentication",
                "it accepted a session without an authentication algorithm (cipher suite 0)",
            )
        return None

    def _came(self, event: MqttConnect) -> None:
        self._brokers.put(event.packet.flow, not event.user and not event.password)

    def _accepted(self, event: MqttConnack) -> InsecureSetting | None:
        if not self._brokers.get(event.packet.flow):
            return None
        if event.code:
            return (
                InsecureSetting("", why="it rejected a client without a login", fixes=("mqtt_anonymous",))
                if event.code in NO_LOGIN
                else None
            )
        return InsecureSetting(
            "mqtt_anonymous",
            "mqtt",
            "accepts clients without a login (MQTT)",
            "CONNECT without user and password, CONNACK code 0",
        )


def _telnet_shown(event: TelnetBanner) -> InsecureSetting:
    return InsecureSetting("telnet", "telnet", "offers Telnet, which is not encrypted", f"banner {event.text[:80]!r}")


def _telnet(event: TelnetLogin) -> InsecureSetting:
    fixes, proof = (("telnet_open",), " with a password") if event.password else ((), "")
    if event.result == "accepted" and not event.password:
        return InsecureSetting(
            "telnet_open",
            "telnet",
            "accepts Telnet logins without a password",
            "it accepted a login without requesting a password",
        )
    return InsecureSetting(
        "telnet",
        "telnet",
        "accepts logins over Telnet, which is not encrypted",
        f"it answered a login in cleartext{proof}: {event.result}",
        fixes=fixes,
    )


def _ftp(event: FtpLogin) -> InsecureSetting:
    return InsecureSetting(
        "ftp",
        "ftp",
        "accepts logins over FTP, which is not encrypted",
        f"it answered a login in cleartext with {event.code}",
    )


def _tftp(event: TftpRead) -> InsecureSetting:
    verb = "write" if isinstance(event, TftpWrite) else "read"
    return InsecureSetting(
        "tftp",
        "tftp",
        "serves files over TFTP, which has no authentication",
        f"request to {verb} {event.file[:80]!r}",
        requested=True,
    )


def _form(event: HttpLogin) -> InsecureSetting:
    return InsecureSetting(
        "http_login",
        "http",
        "accepts passwords over plain HTTP",
        f"a form with a password was submitted to {event.path[:80]!r}",
        requested=True,
    )


def _page(event: HttpResponse) -> InsecureSetting | None:
    if event.status in MOVED and event.location.lower().startswith("https://"):
        return InsecureSetting(
            "", why=f"it answered {event.status} and redirects to HTTPS", fixes=("http_basic", "http_login")
        )
    if event.status != PASSWORD_WANTED or "basic" not in event.schemes or event.forwarded:
        return None
    return InsecureSetting(
        "http_basic", "http", "requests passwords over plain HTTP (Basic)", "it answered 401 with the scheme Basic"
    )


def _agent(event: SnmpResponse) -> InsecureSetting | None:
    if not event.community:
        return None
    if event.community in COMMUNITIES:
        does = f"answers SNMP with a default community string ({event.community})"
        return InsecureSetting(
            "snmp_default",
            "snmp",
            does,
            f"it answered a message of version {event.version} with the community string {event.community!r}",
        )
    return InsecureSetting(
        "snmp_clear",
        "snmp",
        f"answers SNMP version {event.version}, which is not encrypted",
        f"it answered a message of version {event.version}",
    )


def _shares(event: SmbNegotiated) -> InsecureSetting | None:
    if event.version != 1:
        return None
    if not event.dialect:
        return InsecureSetting("", why="it accepted none of the SMB 1 dialects", fixes=("smb1",))
    return InsecureSetting(
        "smb1", "smb", "uses SMB 1", f"it chose the dialect {event.dialect!r} in a message of version 1"
    )


def _tls(event: TlsServerHello) -> InsecureSetting | None:
    if event.version not in OLD_TLS:
        return None
    return InsecureSetting(
        "tls_old", "tls", f"negotiates {event.version}, which is deprecated", f"its ServerHello chose {event.version}"
    )


def _certificate(event: TlsCertificate) -> InsecureSetting | None:
    """The most severe fault of the certificate."""
    if event.from_client:
        return None
    name = f"{(event.common_name or event.subject)[:80]!r}"
    if event.not_after * SECOND < event.ts:
        return InsecureSetting(
            "certificate_expired",
            "tls",
            "presents an expired certificate",
            f"notAfter of {name} is {_days(event)} days before the packet",
        )
    least = LEAST_BITS.get(event.key, 0)
    if 0 < event.key_bits < least:
        return InsecureSetting(
            "certificate_weak",
            "tls",
            "presents a certificate with a short key",
            f"the {event.key} key of {name} has {event.key_bits} bits (required: {least})",
        )
    if event.self_signed:
        return InsecureSetting(
            "certificate_self_signed",
            "tls",
            "presents a self-signed certificate",
            f"issuer and subject of {name} are the same",
        )
    return InsecureSetting("", why=f"it presents a valid certificate of {event.issuer[:80]!r}", fixes=CERTIFICATES)


def _days(event: TlsCertificate) -> int:
    return (event.ts // SECOND - event.not_after) // 86400


def _desktop(event: VncLogin) -> InsecureSetting | None:
    if event.method != "none":
        return InsecureSetting("", why=f"it requested a password ({event.method})", fixes=("vnc_open",))
    if not event.accepted:
        return None
    return InsecureSetting(
        "vnc_open",
        "vnc",
        "shares its desktop without a password (VNC)",
        "the security type 1 (None) was selected and accepted",
    )


def _channel(event: IpmiChannel) -> InsecureSetting:
    if not event.anonymous:
        return InsecureSetting("", why="it requires a user or a password", fixes=("ipmi_anonymous",))
    return InsecureSetting(
        "ipmi_anonymous",
        "ipmi",
        "accepts IPMI logins without user and password",
        "it reported that anonymous logins are enabled",
    )


def _data(event: PasswordLogin) -> InsecureSetting | None:
    setting, app, name = _DATA[type(event)]
    if event.method != "none":
        return InsecureSetting("", why=f"it requested a login ({event.method})", fixes=(setting,))
    return _served(setting, app, name) if event.accepted else None


def _application(event: OpcuaLogin) -> InsecureSetting | None:
    """Logins with a user show nothing: servers may accept anonymous clients beside them."""
    if event.method != "none":
        return None
    if not event.accepted:
        return InsecureSetting("", why="it rejected a client without a login", fixes=("opcua_open",))
    return _served("opcua_open", "opcua", "OPC UA")


def _interface(event: ServiceApiLogin) -> InsecureSetting:
    return _served("docker_open" if event.service == "Docker" else "database_open", "http", event.service)


def _served(setting: str, app: str, name: str) -> InsecureSetting:
    return InsecureSetting(
        setting, app, f"serves clients without a login ({name})", "it served a client that had not logged in"
    )


_DATA: dict[type[Event], tuple[str, str, str]] = {
    IscsiLogin: ("iscsi_open", "iscsi", "iSCSI"), MemcachedLogin: ("database_open", "memcached", "memcached"),
    MongodbLogin: ("database_open", "mongodb", "MongoDB"), PostgresLogin: ("database_open", "postgres", "PostgreSQL"),
    RedisLogin: ("database_open", "redis", "Redis"),
}  # fmt: skip
_READERS: dict[type[Event], Callable[..., InsecureSetting | None]] = {
    TelnetBanner: _telnet_shown, TelnetLogin: _telnet, FtpLogin: _ftp, TftpRead: _tftp, TftpWrite: _tftp,
    HttpLogin: _form, HttpResponse: _page, SnmpResponse: _agent, SmbNegotiated: _shares, TlsServerHello: _tls,
    TlsCertificate: _certificate, IpmiChannel: _channel, OpcuaLogin: _application, VncLogin: _desktop,
    ServiceApiLogin: _interface, **dict.fromkeys(_DATA, _data),
}  # fmt: skip
# The event shows a setting of the sender of its packet, whatever was seen before.
OF_SENDER = frozenset(_READERS) - {TftpRead, TftpWrite, HttpLogin}
SHOWING: tuple[type[Event], ...] = (*_READERS, RtspRequest, RtspResponse, MqttConnect, MqttConnack, IpmiSession)
