"""Insecure services: each in use, its secure counterpart, and repetition."""

from __future__ import annotations

import pytest

from sensor.alerts.scoring import AlertScorer
from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.ipmi import IpmiChannel, IpmiSession
from sensor.dissectors.iscsi import IscsiLogin
from sensor.dissectors.memcached import MemcachedLogin
from sensor.dissectors.mqtt import MqttConnack, MqttConnect
from sensor.dissectors.opcua import OpcuaLogin
from sensor.dissectors.rtsp import RtspRequest, RtspResponse
from sensor.dissectors.service_api import ServiceApiLogin
from sensor.dissectors.shared.smb_events import SmbNegotiated
from sensor.dissectors.snmp import SnmpResponse
from sensor.dissectors.telnet import TelnetBanner, TelnetLogin
from sensor.dissectors.tftp import TftpRead, TftpWrite
from sensor.dissectors.tls import TlsCertificate, TlsServerHello
from sensor.dissectors.vnc import VncLogin
from tests.detectors.login_stories import CLIENT, SERVER, ends, form, ftp, telnet, web
from tests.detectors.stories import START, World, detector, device, inspected, one
from tests.golden import Golden

INSECURE = "posture.insecure_service"
NOW = START // SECOND
DAY = 86400


def answer(port: int, at: float = 0, **where: str) -> Packet:
    return ends(at, port, answer=True, **where)


def snmp(version: str = "2c", community: str = "other") -> Event:
    return SnmpResponse(answer(161), version, community, "", "", "response", 1, (), "no_error")


def shares(version: int, dialect: str) -> Event:
    return SmbNegotiated(answer(445), version, dialect, False, False, "")


def hello(version: str) -> Event:
    return TlsServerHello(answer(443), version, 0x002F, "", "", (), False)


def certificate(
    *, ends_in_days: int = 90, key: str = "rsa", bits: int = 2048, own: bool = False, client: bool = False
) -> Event:
    last = NOW + ends_in_days * DAY
    return TlsCertificate(
        answer(443), client, "CN=cam", "CN=ca", "cam", "", "", (), NOW - 900 * DAY, last, own, key, bits, "aa", "bb"
    )


def stream(status: int = 200, credentials: str = "", uri: str = "rtsp://cam/1", *, cseq: int = 2) -> list[Event]:
    requested = RtspRequest(ends(0, 554, answer=False, flow=7), "DESCRIBE", uri, 2, "", credentials, "")
    return [requested, RtspResponse(ends(0, 554, answer=True, flow=7), status, "", cseq, "", (), "")]


def broker(code: int = 0, *, user: bool = False) -> list[Event]:
    came = MqttConnect(ends(0, 1883, answer=False, flow=8), 4, "one", user, user, 60, "")
    return [came, MqttConnack(ends(0, 1883, answer=True, flow=8), code)]


def suite(status: int) -> list[Event]:
    """A session of IPMI without authentication is requested."""
    opened = IpmiSession(ends(0, 623, answer=True, flow=9), "opened", status, "", -1 if status else 0, False)
    return [IpmiSession(ends(0, 623, answer=False, flow=9), "open", 0, "", 0, False), opened]


def page(status: int = 401, *schemes: str, forwarded: bool = False) -> Event:
    return HttpResponse(answer(80), status, "", "", 0, schemes, "", "", "GET", "/", forwarded)


STORIES: dict[str, list[Event]] = {
    "telnet": [telnet(0)],
    "telnet_open": [TelnetLogin(answer(23), "", False, "accepted")],
    "ftp": [ftp(0, accepted=True)],
    "tftp": [TftpRead(ends(0, 69, answer=False), "SEP001122334455.cnf.xml", "octet", ())],
    "http_login": [form(0)],
    "http_basic": [page(401, "basic", "digest")],
    "snmp_default": [snmp(community="public")],
    "snmp_clear": [snmp("1")],
    "smb1": [shares(1, "NT LM 0.12")],
    "tls_old": [hello("TLS 1.0")],
    "certificate_expired": [certificate(ends_in_days=-3, own=True)],
    "certificate_weak": [certificate(bits=1024, own=True)],
    "certificate_self_signed": [certificate(own=True)],
    "vnc_open": [VncLogin(answer(5900), "", "none", True)],
    "rtsp_open": stream(),
    "mqtt_anonymous": broker(),
    "iscsi_open": [IscsiLogin(answer(3260), "", "none", True)],
    "opcua_open": [OpcuaLogin(answer(4840), "", "none", True)],
    "ipmi_open": suite(0),
    "ipmi_anonymous": [IpmiChannel(answer(623), True, True, True)],
    "ipmi": [IpmiSession(answer(623), "rakp_2", 0, "", -1, True)],
    "docker_open": [ServiceApiLogin(answer(2375), "", "none", True, service="Docker")],
    "database_open": [MemcachedLogin(answer(11211), "", "none", True)],
}


@pytest.mark.parametrize("setting", STORIES)
def test_each_service_in_use_is_reported(setting: str) -> None:
    """The server is the actor, whichever host uses the service; the severity is info."""
    [alert] = inspected(detector(INSECURE), STORIES[setting])
    assert (alert.numbers["setting"], alert.severity) == (setting, Severity.info)
    assert (alert.actor.address, alert.target and alert.target.address) == (parse(SERVER), parse(CLIENT))
    assert alert.actor_port == alert.numbers["port"] < alert.target_port == 40000
    assert alert.summary.startswith(SERVER)


def test_the_field_that_proves_it_is_named(golden: Golden) -> None:
    """The evidence contains the field and its value."""
    golden(one(inspected(detector(INSECURE), STORIES["certificate_expired"])).why[0], "3 days")
    nameless = certificate(ends_in_days=-3)
    nameless.common_name = ""  # type: ignore[attr-defined]
    assert "notAfter of 'CN=cam'" in one(inspected(detector(INSECURE), [nameless])).why[0]
    golden(one(inspected(detector(INSECURE), STORIES["certificate_weak"])).why[0], "has 1024")
    assert "ServerHello chose TLS 1.0" in one(inspected(detector(INSECURE), STORIES["tls_old"])).why[0]
    assert (
        "to write 'startup-config'"
        in one(
            inspected(detector(INSECURE), [TftpWrite(ends(0, 69, answer=False), "startup-config", "octet", ())])
        ).why[0]
    )
    assert "'MikroTik" in one(inspected(detector(INSECURE), [TelnetBanner(answer(23), "MikroTik v6.49 Login:")])).why[0]


@pytest.mark.parametrize("old", ["SSL 2.0", "SSL 3.0", "TLS 1.1", "DTLS 1.0"])
def test_versions_that_were_withdrawn_are_reported(old: str) -> None:
    assert one(inspected(detector(INSECURE), [hello(old)])).numbers["setting"] == "tls_old"


TWINS: dict[str, list[Event]] = {
    "TLS 1.2 and 1.3": [hello("TLS 1.2"), hello("TLS 1.3")],
    "a certificate of an authority": [
        certificate(),
        certificate(key="ec", bits=256),
        certificate(key="ed25519", bits=0),
    ],
    "the certificate of a client": [certificate(own=True, client=True)],
    "SNMP version 3": [snmp("3", "")],
    "SMB 2 and later": [shares(2, "3.1.1")],
    "no dialect of SMB 1 was good enough": [shares(1, "")],
    "a desktop with a password": [VncLogin(answer(5900), "", "vnc", True)],
    "a desktop that let nobody in": [VncLogin(answer(5900), "", "none", False)],
    "a stream that wants a password": stream(401),
    "a stream with one": stream(credentials="digest"),
    "a stream whose address holds one": stream(uri="rtsp://***@cam/1"),
    "an answer to something else": stream(cseq=3),
    "a broker with logins": broker(user=True),
    "a broker that refuses": broker(5),
    "a page without a password": [page(200)],
    "a digest": [page(401, "digest")],
    "a proxy that passes it on": [page(401, "basic", forwarded=True)],
    "a controller that rejects cipher suite 0": suite(0x11),
    "a controller that requires a user": [IpmiChannel(answer(623), True, True, False)],
    "OPC UA with a login": [OpcuaLogin(answer(4840), "operator", "password", True)],
    "a target with a login": [IscsiLogin(answer(3260), "backup", "chap", True)],
    "credentials that nobody asked for": web(0, scheme="basic")[:1],
}


@pytest.mark.parametrize("twin", TWINS)
def test_secure_twins_are_quiet(twin: str) -> None:
    assert inspected(detector(INSECURE), TWINS[twin]) == []


def test_servers_outside_are_not_ours_to_fix() -> None:
    """External servers, and a TFTP request to broadcast, raise no alert."""
    story = [
        ftp(0, server="198.51.100.7"),
        TftpRead(ends(0, 69, answer=False, server="255.255.255.255"), "boot", "octet", ()),
    ]
    assert inspected(detector(INSECURE), story) == []


def test_players_stream_to_each_other() -> None:
    """RTSP without a password to a television raises no alert, to a camera it does."""
    assert inspected(detector(INSECURE, World(device("tv", SERVER))), stream()) == []
    assert len(inspected(detector(INSECURE, World(device("camera", SERVER))), stream())) == 1


def test_repetition_is_one_finding_a_day() -> None:
    """A service is reported once a day for all its clients; other devices and settings are separate alerts."""
    story = [ftp(n * 60, client=f"10.0.0.{10 + n % 5}") for n in range(1440)]
    assert len(inspected(detector(INSECURE), story)) == 1
    assert len(inspected(detector(INSECURE), [*story, ftp(86460), ftp(3, server="10.0.0.6"), telnet(4)])) == 4
    assert len({alert.key for alert in inspected(detector(INSECURE), [ftp(0), ftp(86400, client="10.0.0.9")])}) == 1


def test_what_is_borne_here_is_not_reported() -> None:
    assert (
        inspected(detector(INSECURE, accepted=("certificate_self_signed",)), STORIES["certificate_self_signed"]) == []
    )


def test_it_is_no_alarm_whoever_it_is() -> None:
    """Telnet on a camera stays info: risk scoring does not raise the severity of weaknesses."""
    world = World(device("camera", SERVER))
    [alert] = inspected(detector(INSECURE, world), STORIES["telnet_open"])
    assert AlertScorer(world).scored(alert).severity == Severity.info
