"""Names of devices in sentences: labels instead of codes, the address if nothing else is known."""

from __future__ import annotations

import pytest

from sensor.core import addresses
from sensor.core.device import TYPES, Attribute, Device
from sensor.core.device_text import device_text, endpoint_text, product_text
from sensor.core.foreign import host_of
from sensor.core.observation import Evidence, Subject
from sensor.core.type_labels import a_type, type_label, types_counted

PHONE = Subject(0x001565A1B2C3, addresses.parse("10.0.0.5"))


def device(kind: str, *names: str) -> Device:
    evidence = Evidence("type", kind, 0.9, "f", "sip", "sip.user_agent", "Yealink", 1, 1)
    attributes = {"type": Attribute("type", kind, 0.9, (evidence,))} if kind else {}
    return Device("dev-1", "mac:x", 1, 1, names=dict.fromkeys(names, 1), attributes=attributes)


@pytest.mark.parametrize(
    ("kind", "names", "text"),
    [
        ("voip_phone", ("SEP001565",), "VoIP phone SEP001565 (10.0.0.5)"),
        ("nas", (), "NAS (10.0.0.5)"),
        ("unknown", ("lab-3",), "lab-3 (10.0.0.5)"),
        ("", ("10.0.0.5",), "10.0.0.5"),
        ("", (), "10.0.0.5"),
    ],
)
def test_a_device_is_named_by_type_name_and_address(kind: str, names: tuple[str, ...], text: str) -> None:
    assert device_text(device(kind, *names), PHONE) == text


MAC = "00:15:65:a1:b2:c3"


@pytest.mark.parametrize(
    ("ip", "mac", "text"),
    [
        ("10.0.0.5", MAC, "10.0.0.5"),
        ("0.0.0.0", MAC, MAC),
        ("::", MAC, MAC),
        ("0.0.0.0", "", "0.0.0.0"),
        ("", MAC, MAC),
    ],
)
def test_a_host_without_an_address_is_named_by_its_mac(ip: str, mac: str, text: str) -> None:
    """Many hosts request an address from 0.0.0.0: a mute of that address would apply to all of them."""
    assert host_of({"ip": ip, "mac": mac, "device": "dev-1"}) == text
    subject = Subject(addresses.parse_mac(mac) if mac else 0, addresses.parse(ip) if ip else 0)
    assert endpoint_text(subject) == text


def test_an_endpoint_without_addresses_is_named_by_its_device() -> None:
    assert (host_of({"device": "dev-1"}), host_of({})) == ("dev-1", "")


@pytest.mark.parametrize(
    ("vendor", "model", "text"),
    [
        ("HP", "Officejet Pro 8620", "HP Officejet Pro 8620"),
        ("HP", "HP Officejet Pro 8620", "HP Officejet Pro 8620"),
        ("Mitel", "MITEL 5330e IP", "MITEL 5330e IP"),
        ("LG", "LGLS751", "LG LGLS751"),
        ("HP", "", "HP"),
        ("", "A19", "A19"),
    ],
)
def test_the_vendor_of_a_product_is_named_once(vendor: str, model: str, text: str) -> None:
    assert product_text(vendor, model) == text


def test_an_endpoint_that_is_no_device_is_named_by_its_address_or_mac() -> None:
    assert device_text(None, PHONE) == "10.0.0.5"
    assert device_text(None, Subject(PHONE.mac)) == "00:15:65:a1:b2:c3"


def test_labels_are_words() -> None:
    """With an article and in the plural, too."""
    assert [one for one in map(type_label, TYPES) if "_" in one] == []
    assert [a_type(one) for one in ("nas", "ups", "tv", "access_point", "iot", "unknown")] == [
        "a NAS", "a UPS", "a TV", "an access point", "an IoT device", "an unknown",
    ]  # fmt: skip
    assert [types_counted(one, 2) for one in ("nas", "ups", "switch", "voip_phone", "nvr")] == [
        "2 NAS", "2 UPS", "2 switches", "2 VoIP phones", "2 video recorders",
    ]  # fmt: skip
    assert types_counted("voip_phone", 1) == "1 VoIP phone"
