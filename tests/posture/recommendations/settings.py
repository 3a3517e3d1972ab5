"""Messages that show each setting, insecure and fixed, as dissectors report them."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.dissectors.dhcp import DhcpAck
from sensor.dissectors.http import HttpPortMapping, HttpResponse
from sensor.dissectors.ipmi import IpmiChannel, IpmiSession
from sensor.dissectors.iscsi import IscsiLogin
from sensor.dissectors.ldap import LdapBindResult
from sensor.dissectors.llmnr import LlmnrQuery
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.nbns import NbnsQuery
from sensor.dissectors.opcua import OpcuaLogin
from sensor.dissectors.postgres import PostgresLogin
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from sensor.dissectors.service_api import ServiceApiLogin
from sensor.dissectors.shared.ntlm_events import NtlmLogin
from sensor.dissectors.shared.smb_events import SmbNegotiated
from sensor.dissectors.sip import SipResponse
from sensor.dissectors.snmp import SnmpResponse
from sensor.dissectors.telnet import TelnetLogin
from sensor.dissectors.tftp import TftpRead
from sensor.dissectors.tls import TlsCertificate, TlsServerHello
from sensor.dissectors.vnc import VncLogin
from tests.detectors.login_stories import SERVER, ends, form, ftp, telnet
from tests.detectors.stories import START

NOW = START // SECOND
DAY = 86400


def certificate(at: float, *, ends_in_days: int = 900, bits: int = 2048, own: bool = False, port: int = 443) -> Event:
    last = NOW + ends_in_days * DAY
    packet = ends(at, port, answer=True)
    return TlsCertificate(
        packet, False, "CN=cam", "CN=ca", "cam", "", "", (), NOW - 900 * DAY, last, own, "rsa", bits, "aa", "bb"
    )


def stream(at: float, status: int) -> list[Event]:
    requested = RtspRequest(ends(at, 554, answer=False, flow=7), "DESCRIBE", "rtsp://cam/1", 2, "", "", "")
    return [requested, RtspResponse(ends(at, 554, answer=True, flow=7), status, "", 2, "", (), "")]


def broker(at: float, code: int) -> list[Event]:
    return [
        MqttConnect(ends(at, 1883, answer=False, flow=8), 4, "one", False, False, 60, ""),
        MqttConnack(ends(at, 1883, answer=True, flow=8), code),
    ]


def session(at: float, status: int) -> list[Event]:
    """A request for a session of IPMI without authentication, and the response."""
    return [
        IpmiSession(ends(at, 623, answer=False, flow=9), "open", 0, "", 0, False),
        IpmiSession(ends(at, 623, answer=True, flow=9), "opened", status, "", -1 if status else 0, False),
    ]


def page(at: float, status: int, location: str = "") -> Event:
    return HttpResponse(
        ends(at, 80, answer=True),
        status,
        "",
        "",
        0,
        ("basic",) if status == 401 else (),
        "",
        location,
        "GET",
        "/",
        False,
    )


def community(at: float, name: str) -> Event:
    return SnmpResponse(ends(at, 161, answer=True), "2c", name, "", "", "response", 1, (), "no_error")


def proof(at: float, method: str) -> Event:
    return NtlmLogin(ends(at, 445, answer=True), "smb", method, "scan", "EXAMPLE", "COPIER", "aa")


def bind(at: float, code: int) -> Event:
    return LdapBindResult(ends(at, 389, answer=True), "simple", "cn=scan", True, code)


def shares(at: float, dialect: str) -> Event:
    return SmbNegotiated(ends(at, 445, answer=True), 1, dialect, False, False, "")


def challenge(
    at: float,
    scheme: str = "digest",
    *,
    nonce: str = "one",
    call: str = "id",
    qop: bool = True,
    realm: str = "pbx.example",
) -> Event:
    """A registrar's challenge."""
    packet = ends(at, 5060, answer=True)
    return SipResponse(
        packet, 401, "Unauthorized", "REGISTER", "1@x", "1@x", call, 1, "PBX", True, scheme, realm, "MD5", qop, nonce
    )


def lease(at: float, server: str = SERVER) -> Event:
    """A DHCP server's lease."""
    return DhcpAck(
        ends(at, 67, answer=True, server=server), 5, 1, 0x020000000001, 0, parse("10.0.0.77"), 0, parse(server)
    )


def insecure(setting: str, at: float) -> list[Event]:
    """One or two messages that show the insecure setting of the host at SERVER."""
    sent = ends(at, 5355, answer=True)
    reported: dict[str, Event | list[Event]] = {
        "telnet": telnet(at),
        "telnet_open": TelnetLogin(ends(at, 23, answer=True), "", False, "accepted"),
        "ftp": ftp(at, accepted=True),
        "tftp": TftpRead(ends(at, 69, answer=False), "phone.cfg", "octet", ()),
        "http_login": form(at),
        "http_basic": page(at, 401),
        "snmp_default": community(at, "public"),
        "snmp_clear": community(at, "other"),
        "smb1": shares(at, "NT LM 0.12"),
        "tls_old": TlsServerHello(ends(at, 443, answer=True), "TLS 1.0", 0x2F, "", "", (), False),
        "certificate_expired": certificate(at, ends_in_days=-3),
        "certificate_weak": certificate(at, bits=1024),
        "certificate_self_signed": certificate(at, own=True),
        "vnc_open": VncLogin(ends(at, 5900, answer=True), "", "none", True),
        "rtsp_open": stream(at, 200),
        "mqtt_anonymous": broker(at, 0),
        "database_open": PostgresLogin(ends(at, 5432, answer=True), "shop", "none", True),
        "docker_open": ServiceApiLogin(ends(at, 2375, answer=True), "", "none", True, service="Docker"),
        "iscsi_open": IscsiLogin(ends(at, 3260, answer=True), "", "none", True, target="iqn.2003-01.org.example:a"),
        "opcua_open": OpcuaLogin(ends(at, 4840, answer=True), "", "none", True),
        "ipmi_open": session(at, 0),
        "ipmi_anonymous": IpmiChannel(ends(at, 623, answer=True), True, True, True),
        "ipmi": IpmiSession(ends(at, 623, answer=True), "rakp_2", 0, "", -1, True),
        "ntlmv1": proof(at, "ntlmv1"),
        "llmnr": LlmnrQuery(sent, 1, "fileserv", 1, False, False),
        "nbns": NbnsQuery(sent, 1, "FILESERV", 0x20, False, True),
        "ldap_simple": bind(at, 0),
        "sip_clear": SipResponse(
            ends(at, 5060, answer=True), 200, "OK", "REGISTER", "1@x", "1@x", "id", 1, "PBX", False
        ),
        "sip_basic": challenge(at, "basic"),
        "sip_weak": challenge(at, qop=False),
        "dhcp_server": lease(at),
        "upnp_mapping": HttpPortMapping(ends(at, 5000, answer=False), "AddPortMapping", 0, "tcp", 80, 8080, "camera"),
    }
    found = reported[setting]
    return found if isinstance(found, list) else [found]


def fixed(setting: str, at: float) -> list[Event]:
    """The same host with the secure setting."""
    reported: dict[str, Event | list[Event]] = {
        "telnet_open": telnet(at),
        "http_login": page(at, 301, f"https://{SERVER}/"),
        "http_basic": page(at, 302, f"HTTPS://{SERVER}/"),
        "smb1": shares(at, ""),
        "certificate_expired": certificate(at),
        "certificate_weak": certificate(at),
        "certificate_self_signed": certificate(at),
        "vnc_open": VncLogin(ends(at, 5900, answer=True), "", "vnc", False),
        "rtsp_open": stream(at, 401),
        "mqtt_anonymous": broker(at, 5),
        "database_open": PostgresLogin(ends(at, 5432, answer=True), "shop", "scram", True),
        "iscsi_open": IscsiLogin(ends(at, 3260, answer=True), "backup", "chap", True),
        "opcua_open": OpcuaLogin(ends(at, 4840, answer=True), "", "none", False),
        "ipmi_open": session(at, 0x11),
        "ipmi_anonymous": IpmiChannel(ends(at, 623, answer=True), True, True, False),
        "ntlmv1": proof(at, "ntlmv2"),
        "ldap_simple": bind(at, 13),
        "sip_basic": challenge(at),
        "sip_weak": challenge(at),
    }
    found = reported[setting]
    return found if isinstance(found, list) else [found]


INSECURE = (
    "telnet", "telnet_open", "ftp", "tftp", "http_login", "http_basic", "snmp_default", "snmp_clear", "smb1",
    "tls_old", "certificate_expired", "certificate_weak", "certificate_self_signed", "vnc_open", "rtsp_open",
    "mqtt_anonymous", "database_open", "docker_open", "iscsi_open", "opcua_open", "ipmi_open", "ipmi_anonymous",
    "ipmi", "ntlmv1", "llmnr", "nbns", "ldap_simple", "sip_clear", "upnp_mapping", "sip_basic", "sip_weak",
    "dhcp_server",
)  # fmt: skip
FIXED = (
    "telnet_open", "http_login", "http_basic", "smb1", "certificate_expired", "certificate_weak",
    "certificate_self_signed", "vnc_open", "rtsp_open", "mqtt_anonymous", "database_open", "iscsi_open", "opcua_open",
    "ipmi_open", "ipmi_anonymous", "ntlmv1", "ldap_simple", "sip_basic", "sip_weak",
)  # fmt: skip
# Settings that no single message shows: see test_checks.py.
LOOKED = ("default_name", "end_of_life", "firmware_behind", "wrong_segment", "internet")
