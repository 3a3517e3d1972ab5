"""Drafts of fingerprints from observations of a device."""

from __future__ import annotations

import re

import pytest

from sensor.fingerprinting.draft import CERTAINTY, Draft, drafts, is_informative
from tests.fingerprinting.own import own_knowledge

KNOWLEDGE = own_knowledge()
MAC = 0xACCC8E102030
LABEL = {"type": "camera", "vendor": "Axis", "model": "Q9999-X", "firmware": "12.1.60"}


def drafted(kind: str, value: str, **label: str) -> list[Draft]:
    return list(drafts([(kind, value)], label or LABEL, MAC, KNOWLEDGE))


def test_what_is_the_same_everywhere_stays() -> None:
    """A text without unit-specific parts is matched exactly, and yields the label's attributes of the product."""
    [draft] = drafted("dhcp.vendor_class", "ACME Vision Unit")
    assert (draft.operator, draft.text, draft.asserts) == (
        "exact",
        "ACME Vision Unit",
        {"type": "camera", "vendor": "Axis"},
    )
    assert draft.name == "site.dhcp.vendor_class.axis_q9999_x_camera"
    assert draft.family == "dhcp"


@pytest.mark.parametrize(
    ("value", "pattern", "yields"),
    [
        ("ACME Q9999-X (12.1.60)", r"^ACME Q9999-X \((?P<firmware>\w[\w.() -]*)\)$", {"firmware": "12.1.60"}),
        ("ACME ACCC8E102030", "^ACME [0-9A-Fa-f:.-]{12,17}$", {}),
        ("ACME ac:cc:8e:10:20:30", "^ACME [0-9A-Fa-f:.-]{12,17}$", {}),
        ("ACME/4.18.2 (c)", r"^ACME/\d[\w.]* \(c\)$", {}),
        ("ACME 2f402f80-da50-11e1-9b23-001788000000", "^ACME [0-9A-Fa-f-]{36}$", {}),
        ("ACME build 190220", r"^ACME build \d+$", {}),
    ],
)
def test_what_is_a_units_own_is_left_open(value: str, pattern: str, yields: dict[str, str]) -> None:
    """Versions, MACs, ids and long numbers become wildcards; the pattern matches the original text."""
    [draft] = drafted("http.server", value)
    assert (draft.operator, draft.text, draft.yields) == ("regex", pattern, yields)
    assert re.search(draft.text, value)


def test_a_model_is_reported_where_the_text_holds_it() -> None:
    """A model name in the text is kept, with all its digits."""
    [draft] = drafted("upnp.model_name", "ACME 12.1.60 cube", type="camera", vendor="Axis", model="12.1.60 cube")
    assert (draft.operator, draft.asserts["model"]) == ("exact", "12.1.60 cube")


def test_what_is_known_is_not_reported_again() -> None:
    """A draft contains only attributes that existing fingerprints do not yield; contradictions with the label are
    shown.
    """
    assert drafted("wsd.manufacturer", "AXIS", type="camera", vendor="Axis") == []
    [draft] = drafted("wsd.manufacturer", "AXIS", type="speaker", vendor="Axis")
    assert draft.asserts == {"type": "speaker"}
    assert draft.doubts == ("wsd.manufacturer.axis gives type camera",)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("dhcp.hostname", "lobby-camera"),
        ("lldp.med_serial", "ABCDEF123"),
        ("mdns.service", "_http._tcp"),
        ("dns.query", "time.example.com"),
        ("ssdp.nt", "urn:schemas-upnp-org:device:Basic:1"),
        ("ssdp.nt", "uuid:2f402f80-da50-11e1-9b23-001788000000"),
        ("dhcp.parameter_list", "1,3,6"),
        ("mdns.txt.fv", "1.2"),
    ],
)
def test_what_reports_of_no_product(kind: str, value: str) -> None:
    """Names of users, serial numbers, common services and bare numbers give no draft."""
    assert not is_informative(kind, value)
    assert drafted(kind, value) == []


def test_what_a_standard_reports_is_left_out() -> None:
    """A standard service of a device type yields no vendor; an unknown service may."""
    assert drafted("mdns.service", "_ipp._tcp") == []
    assert [draft.text for draft in drafted("mdns.service", "_acme-view._tcp")] == ["_acme-view._tcp"]


def test_a_model_is_the_same_with_its_maker() -> None:
    """A value that fingerprints read as the label has it, with or without the vendor, is known."""
    assert drafted("upnp.model_name", "AXIS Q9999-X", vendor="Axis", model="Q9999-X") == []


def test_programs_of_any_maker_are_left_out() -> None:
    """A DHCP client that many vendors use does not identify the device."""
    assert is_informative("dhcp.vendor_class", "udhcp 1.24.2")
    assert drafted("dhcp.vendor_class", "udhcp 1.24.2") == []


def test_they_send_softly() -> None:
    """A draft's confidence is at most that of a fingerprint from one capture."""
    assert CERTAINTY.keys() == KNOWLEDGE.vocabulary.attributes.keys()
    assert max(CERTAINTY.values()) <= 0.6
