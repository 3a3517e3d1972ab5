"""Which evidence is about the device itself: services of firmware, relayed texts, emulated and shared devices."""

from __future__ import annotations

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.own import OWN_MODEL_LIMIT, OWN_SERVICE, OWN_SERVICE_LIMIT


def piece(attribute: str, value: str, confidence: float, family: str, seen: str = "x", kind: str = "") -> Evidence:
    return Evidence(attribute, value, confidence, "f", family, kind or family + ".kind", seen, 0, 0)


def texts(seen: str, family: str, confidence: float, **claims: str) -> list[Evidence]:
    """The evidence of one text."""
    kind = "sip.user_agent" if family == "sip" else ""
    return [piece(name, value, confidence, family, seen, kind) for name, value in claims.items()]


MODULE = piece("type", "iot", 0.45, "oui")
LOCK = [*texts("lockly.com", "cloud", 0.24, type="door_access"), *texts("lockly.com", "cloud", 0.35, vendor="Lockly")]
WINDOWS = [piece("type", "workstation", 0.5, "hostname"), piece("type", "workstation", 0.45, "dhcp")]


def test_a_module_contacts_the_services_of_its_own_vendor() -> None:
    """Names of clouds are stronger evidence for devices that run no applications: those with the prefix of a module
    vendor, and no evidence of another type.
    """
    reported = fuse([MODULE, *LOCK])
    assert (reported["type"].value, reported["type"].confidence) == ("door_access", pytest.approx(0.24 * OWN_SERVICE))
    assert (reported["vendor"].value, reported["vendor"].confidence) == ("Lockly", OWN_SERVICE_LIMIT)
    assert fuse(LOCK) == {}
    assert fuse([piece("type", "iot", 0.3, "oui"), *LOCK]).keys() == {"type"}
    assert LOCK[0].confidence == 0.24


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        (texts("android-dhcp-13", "dhcp", 0.8, type="mobile"), "mobile"),
        (texts("ipcam", "hostname", 0.5, type="camera"), "camera"),
        ([*texts("govee.com", "cloud", 0.24, type="light"), *texts("govee.com", "cloud", 0.35, vendor="Govee")], "iot"),
    ],
)
def test_other_hosts_run_applications_of_many_vendors(other: list[Evidence], shown: str) -> None:
    """A host of a known type, and a host that contacts services of several vendors, is not named after a service."""
    reported = fuse([MODULE, *LOCK, *other])
    assert reported["type"].value == shown
    assert "vendor" not in reported


def test_a_model_number_as_host_name_needs_the_prefix_of_its_vendor() -> None:
    """`P110` is a plug on a MAC of TP-Link, and unknown on another one or without a registered prefix."""
    name = texts("P110", "hostname", 0.3, type="smart_plug", model="P110")
    plug = [*name, piece("vendor", "TP-Link", 0.45, "hostname", "P110")]
    reported = fuse([*plug, piece("vendor", "TP-Link", 0.6, "oui", "TP-Link")])
    assert (reported["type"].value, reported["type"].confidence) == ("smart_plug", OWN_MODEL_LIMIT)
    assert reported["model"].value == "P110"
    assert "type" not in fuse([*plug, piece("vendor", "Dell", 0.6, "oui", "Dell")])
    assert "type" not in fuse(plug)


def test_a_pbx_passes_on_the_user_agents_of_phones() -> None:
    """User-Agents of phones of several vendors do not identify their sender; programs and other evidence stay."""
    yealink = texts("Yealink SIP-T46S 66.85.0.5", "sip", 0.9, type="voip_phone", vendor="Yealink", model="SIP-T46S")
    newer = texts("Yealink SIP-T46S 66.86.0.15", "sip", 0.9, type="voip_phone", vendor="Yealink", model="SIP-T46S")
    snom = texts("snomD785/10.1", "sip", 0.9, type="voip_phone", vendor="Snom", model="D785")
    proxy = texts("kamailio (5.4.3)", "sip", 0.8, software="Kamailio 5.4.3")
    assert fuse([*yealink, *newer])["vendor"].value == "Yealink"
    reported = fuse([*yealink, *newer, *snom, *proxy, piece("vendor", "Dell", 0.6, "oui")])
    assert {name: answer.value for name, answer in reported.items()} == {"software": "Kamailio 5.4.3", "vendor": "Dell"}
    assert fuse([*yealink, *snom, *texts("SEP001", "dhcp", 0.8, type="voip_phone")])["type"].confidence == 0.8


def agent(seen: str, **claims: str) -> list[Evidence]:
    """The evidence of one User-Agent of HTTP."""
    return [piece(name, value, 0.8, "http", seen, "http.user_agent") for name, value in claims.items()]


def test_a_router_passes_on_the_user_agents_of_devices_behind_it() -> None:
    """User-Agents of two products do not identify the router with NAT that sends both; its own evidence stays."""
    roku = agent("Roku/DVP-12.5", type="media_player", vendor="Roku", model="3900X")
    galaxy = agent("Dalvik/2.1.0 (SM-A536B)", type="mobile", vendor="Samsung", model="SM-A536B", os="Android 13")
    windows = agent("Mozilla/5.0 (Windows NT 10.0)", type="workstation", os="Windows 10 or 11")
    router = piece("vendor", "TP-Link", 0.6, "oui")
    reported = fuse([*roku, *galaxy, *windows, router])
    assert {name: answer.value for name, answer in reported.items()} == {"vendor": "TP-Link"}
    assert fuse([*galaxy, *windows])["vendor"].value == "Samsung"


def test_one_device_has_user_agents_of_two_vendors() -> None:
    """A TV with the programs of a player, and a computer with an emulator of a phone, keep their evidence."""
    roku = agent("Roku/DVP-12.5", type="media_player", vendor="Roku")
    tv = agent("Roku/DVP-12.5 (43TCL)", type="tv", vendor="TCL", model="43S455")
    assert fuse([*roku, *tv])["model"].value == "43S455"
    mac = agent("Mozilla/5.0 (Macintosh)", type="workstation", vendor="Apple")
    galaxy = agent("Dalvik/2.1.0 (SM-G988N)", type="mobile", vendor="Samsung", model="SM-G988N")
    name = piece("type", "workstation", 0.6, "dhcp")
    assert {key: one.value for key, one in fuse([*mac, *galaxy, name]).items()} == {
        "type": "workstation",
        "vendor": "Apple",
    }


def test_a_computer_is_not_named_after_devices_it_shares_or_emulates() -> None:
    """Vendor, model and system of a text about another type do not name a computer; its programs stay."""
    receiver = texts("AppleTV5,3", "mdns", 0.6, type="media_player", vendor="Apple", model="AppleTV5,3", os="tvOS")
    reported = fuse([*WINDOWS, *receiver, *texts("AirServer", "mdns", 0.8, software="AirServer")])
    assert {name: answer.value for name, answer in reported.items()} == {"type": "workstation", "software": "AirServer"}
    own = texts("ThinkPad", "wsd", 0.6, type="workstation", vendor="Lenovo")
    assert fuse([*WINDOWS, *receiver, *own])["vendor"].value == "Lenovo"
    assert fuse([*WINDOWS, piece("vendor", "Dell", 0.6, "oui")])["vendor"].value == "Dell"


def test_a_computer_keeps_the_vendor_of_its_mac_prefix() -> None:
    """The prefix of a vendor that also makes speakers names the vendor of its tablets."""
    prefix = texts("Amazon Technologies Inc.", "oui", 0.25, type="speaker")
    prefix += texts("Amazon Technologies Inc.", "oui", 0.6, vendor="Amazon")
    reported = fuse([piece("type", "tablet", 0.6, "dhcp"), *prefix])
    assert (reported["type"].value, reported["vendor"].value) == ("tablet", "Amazon")


def test_other_devices_keep_the_vendor_of_a_contested_type() -> None:
    """A recorder of a vendor whose text suggests a camera keeps that vendor."""
    camera = texts("DS-7608NI", "ssdp", 0.5, type="camera", vendor="Hikvision")
    reported = fuse([piece("type", "nvr", 0.85, "http"), *camera])
    assert (reported["type"].value, reported["vendor"].value) == ("nvr", "Hikvision")


def test_a_phone_that_plays_media_is_a_phone() -> None:
    """An Android host becomes a player by evidence of one, unless several pieces of evidence show a phone."""
    player = piece("type", "media_player", 0.4, "ssdp")
    assert fuse([piece("type", "mobile", 0.45, "dhcp"), player])["type"].value == "media_player"
    phone = [piece("type", "mobile", 0.7, "dhcp"), piece("type", "mobile", 0.5, "hostname")]
    assert fuse([*phone, player])["type"].value == "mobile"
    assert fuse([*phone, piece("type", "media_player", 0.7, "ssdp")])["type"].value == "media_player"


def test_a_host_with_address_translation_is_not_named_by_its_clients() -> None:
    """A packet with its address passed a router: what a client also sends is no evidence, but may make its own more
    exact. Without that packet, it is.
    """
    forwarded = piece("type", "router", 0.2, "tcp", "1", "tcp.hops")
    tv = [
        piece("type", "tv", 0.8, "http", "Tizen", "http.user_agent"),
        piece("vendor", "Samsung", 0.75, "http", "Tizen", "http.user_agent"),
        piece("software", "Firefox 120", 0.75, "http", "Firefox", "http.user_agent"),
        piece("os", "Windows 11", 0.7, "http", "Edge", "http.user_agent"),
        piece("os", "Android 14", 0.8, "mqtt", "app", "mqtt.client_id"),
    ]
    own = [piece("vendor", "TP-Link", 0.6, "oui"), piece("os", "Windows", 0.7, "dhcp", "MSFT 5.0")]
    assert {name: one.value for name, one in fuse([*tv, *own, forwarded]).items()} == {
        "vendor": "TP-Link",
        "os": "Windows 11",
    }
    reported = fuse([*tv, *own])
    assert (reported["type"].value, reported["software"].value) == ("tv", "Firefox 120")
    assert fuse([*tv, forwarded]) == {}
