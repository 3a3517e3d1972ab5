"""Cleartext credentials."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.alert import Severity
from sensor.core.event import Event
from sensor.dissectors.afp import AfpLogin
from sensor.dissectors.amqp import AmqpLogin
from sensor.dissectors.esphome import EsphomeLogin
from sensor.dissectors.ftp import FtpPassword
from sensor.dissectors.ldap import LdapBind, LdapBindResult
from sensor.dissectors.mongodb import MongodbLogin
from sensor.dissectors.mqtt import MqttConnect
from sensor.dissectors.nut import NutLogin
from sensor.dissectors.opcua import OpcuaLogin
from sensor.dissectors.postgres import PostgresLogin
from sensor.dissectors.rtsp import RtspRequest
from sensor.dissectors.sip import SipRequest
from sensor.dissectors.snmp import SnmpRequest
from sensor.dissectors.telnet import TelnetLogin
from sensor.dissectors.vnc import VncLogin
from tests.detectors.login_stories import CLIENT, SERVER, ends, form, ftp, register, web
from tests.detectors.stories import detector, inspected, one

CLEAR = "credential_access.cleartext_credentials"


def snmp(at: float, version: str = "2c", community: str = "public", **where: str) -> Event:
    return SnmpRequest(ends(at, 161, answer=False, **where), version, community, "", "", "get", 1, (), 0)


STORIES: dict[str, tuple[Event, Severity]] = {
    "FTP": (ftp(0, "anna"), Severity.low),
    "FTP, one direction": (FtpPassword(ends(0, 21, answer=False), "anna", "s"), Severity.low),
    "Telnet": (TelnetLogin(ends(0, 23, answer=True), "root", True, "refused"), Severity.low),
    "HTTP": (web(0)[0], Severity.info),
    "RTSP": (
        RtspRequest(ends(0, 554, answer=False), "DESCRIBE", "rtsp://cam/", 2, "", "basic", "admin"),
        Severity.info,
    ),
    "SIP": (
        SipRequest(ends(0, 5060, answer=False), "REGISTER", "sip:pbx", "100@pbx", "100@pbx", "id", 1, "", True, True),
        Severity.low,
    ),
    "SNMP": (snmp(0), Severity.info),
    "LDAP": (LdapBind(ends(0, 389, answer=False), "simple", "cn=scan,dc=example", True), Severity.low),
    "OPC UA": (OpcuaLogin(ends(0, 4840, answer=True), "operator", "clear", True), Severity.low),
    "AMQP": (AmqpLogin(ends(0, 5672, answer=True), "shop", "clear", True), Severity.low),
    "MongoDB": (MongodbLogin(ends(0, 27017, answer=True), "report", "clear", True), Severity.low),
    "PostgreSQL": (PostgresLogin(ends(0, 5432, answer=True), "report", "clear", False), Severity.low),
    "AFP": (AfpLogin(ends(0, 548, answer=True), "anna", "clear", True), Severity.low),
    "ESPHome": (EsphomeLogin(ends(0, 6053, answer=True), "", "clear", True), Severity.low),
    "NUT": (NutLogin(ends(0, 3493, answer=True), "monitor", "clear", True), Severity.low),
    "VNC": (VncLogin(ends(0, 5900, answer=True), "", "none", True), Severity.low),
    "MQTT": (MqttConnect(ends(0, 1883, answer=False), 4, "one", True, True, 60, ""), Severity.info),
}


@pytest.mark.parametrize("service", STORIES)
def test_each_protocol_is_reported(service: str) -> None:
    """Each protocol is reported with sender and server; low at most inside the network."""
    event, severity = STORIES[service]
    [alert] = inspected(detector(CLEAR), [event])
    assert (alert.actor.address, alert.target.address if alert.target else 0) == (parse(CLIENT), parse(SERVER))
    assert (alert.severity, {each.technique for each in alert.techniques}) == (severity, {"T1040", "T1552"})
    assert f"({service.partition(',')[0]})" in alert.summary


def test_what_leaves_the_network_is_low_at_least() -> None:
    """Credentials that leave the network are at least low."""
    assert one(inspected(detector(CLEAR), [snmp(0, server="198.51.100.7")])).severity == Severity.low


def test_benign_twins_are_quiet() -> None:
    """Guests, digests, SNMPv3, requests that a reflector returns, logins without a password or with Kerberos, repeated
    results, and proxies raise no alert.
    """
    no_listener = LdapBind(ends(0, 389, answer=False), "simple", "", False)
    signed = LdapBind(ends(0, 389, answer=False), "gss-spnego", "", False)
    story = [
        ftp(0, "anonymous", accepted=True),
        web(1, scheme="digest")[0],
        *register(2),
        snmp(3, "3", ""),
        SnmpRequest(ends(3, 161, answer=True), "2c", "public", "", "", "get", 1, (), 0),
        no_listener,
        signed,
    ]
    story += [
        LdapBindResult(ends(4, 389, answer=True), "simple", "cn=scan", True, 0),
        MqttConnect(ends(5, 1883, answer=False), 4, "one", False, False, 60, ""),
    ]
    passed_on = web(6)[0]
    passed_on.forwarded = True
    story += [
        PostgresLogin(ends(7, 5432, answer=True), "shop", "scram", True),
        VncLogin(ends(8, 5900, answer=True), "", "vnc", True),
    ]
    assert inspected(detector(CLEAR), [*story, passed_on]) == []


def test_repetition_is_reported_once_a_pair_and_day() -> None:
    """Two days of logins are one alert for each pair and day; a form and HTTP Basic are the same protocol."""
    story = [snmp(n * 60) for n in range(2 * 1440)] + [snmp(9, server="10.0.0.6")]
    assert len(inspected(detector(CLEAR), story)) == 3
    assert len(inspected(detector(CLEAR), [form(0), web(1)[0], form(2)])) == 1
