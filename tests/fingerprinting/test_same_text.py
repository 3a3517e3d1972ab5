"""Texts of several protocols: the fingerprints of one know them in the other."""

from __future__ import annotations

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.entries import Claim
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.same_text import OTHERWISE, SAME_TEXT, additional
from tests.fingerprinting.own import own_knowledge

MATCHER = Matcher(own_knowledge())
DESCRIPTIONS = ("snmp.sys_descr", "lldp.system_description")
RIGHT = 0.98
# Kinds in which a device sends one text.
SAME = (
    ("snmp.sys_descr", "lldp.system_description", "cdp.platform"),
    ("mdns.txt.ty", "ipp.make_and_model", "pjl.id", "snmp.printer_model"),
    ("upnp.model_name", "http.device_model", "mdns.txt.md"),
    ("onvif.model", "wsd.scope_hardware", "upnp.model_name"),
    ("http.realm", "http.title", "rtsp.realm"),
    ("http.server", "ssdp.server"),
    ("sip.user_agent", "sip.server"),
)


def claim(attribute: str, value: str) -> Claim:
    return Claim(attribute, value, 0.8, "f.f", "test")


def reported(kind: str, value: str, attribute: str) -> set[str]:
    return {one.value for one in MATCHER.match(kind, value) if one.attribute == attribute}


def test_kinds_have_fingerprints() -> None:
    """Each kind of the tables has fingerprints of its own."""
    kinds = {*SAME_TEXT, *OTHERWISE, *OTHERWISE.values(), *(kind for others in SAME_TEXT.values() for kind in others)}
    assert {kind for kind in kinds if not MATCHER.knows(kind)} == set()


@pytest.mark.parametrize(("kind", "other"), [DESCRIPTIONS, DESCRIPTIONS[::-1]])
def test_descriptions_of_snmp_and_lldp(kind: str, other: str) -> None:
    """A description that names a vendor in SNMP names it in LLDP, and the other way round."""
    known = agreed = 0
    for fingerprint in own_knowledge().fingerprints:
        for value, _ in fingerprint.about.samples if kind in fingerprint.kinds else ():
            if vendors := reported(kind, value, "vendor"):
                known += 1
                agreed += bool(vendors & reported(other, value, "vendor"))
    assert known > 150
    assert agreed / known >= RIGHT


@pytest.mark.parametrize("kinds", SAME)
@pytest.mark.parametrize("attribute", ["type", "vendor"])
def test_a_text_means_the_same_in_each_protocol(kinds: tuple[str, ...], attribute: str) -> None:
    """A device that sends one text in two protocols has one vendor and one type: no entry of either contradicts."""
    torn = {}
    for fingerprint in own_knowledge().fingerprints:
        for value, _ in fingerprint.about.samples if set(kinds) & set(fingerprint.kinds) else ():
            evidence = [Evidence(*one, kind, value, 0, 0) for kind in kinds for one in MATCHER.match(kind, value)]
            claimed = {(one.value, one.kind) for one in evidence if one.attribute == attribute}
            answer = fuse(evidence).get(attribute)
            if len({text for text, _ in claimed}) > 1 and (answer is None or answer.contested):
                torn[value] = claimed
    assert torn == {}


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("9:Cisco AIR-CT5508-K9", "type", "wireless_controller"),
        ("41112:ubnt", "vendor", "Ubiquiti"),
        ("311:MSFT 5.0 XBOX", "model", "Xbox"),
    ],
)
def test_classes_of_dhcpv6(text: str, attribute: str, value: str) -> None:
    """A class of DHCPv6 has the enterprise number in front; fingerprints of DHCP know the rest."""
    assert reported("dhcpv6.vendor_class", text, attribute) == {value}


def test_the_claims_are_of_the_family_of_the_kind() -> None:
    """Claims of another protocol's fingerprints are evidence of the protocol in which the text was seen."""
    claims = MATCHER.match("cdp.platform", "Polycom VVX 601")
    assert {one.family for one in claims} == {"cdp"}
    assert {one.family for one in MATCHER.match("snmp.sys_descr", "SIP-T46S")} == {"snmp"}
    assert reported("cdp.platform", "Polycom VVX 601", "vendor") == {"Poly"}
    assert reported("http.realm", "DCS-930L", "type") == {"camera"}
    assert {one.family for one in MATCHER.match("http.user_agent", "OBIHAI/OBi202-3.2.2.5921")} == {"http"}
    assert reported("http.user_agent", "Linksys/SPA942-6.1.5(a)", "model") == {"SPA942"}


def test_own_claims_come_first() -> None:
    """Others add the attributes that a kind's own fingerprints do not know, unless they mean another vendor."""
    others = [claim("vendor", "HP"), claim("type", "switch"), claim("model", "2530")]
    assert list(additional([], others)) == others
    assert list(additional([claim("vendor", "HP"), claim("model", "J1")], others)) == [claim("type", "switch")]
    assert list(additional([claim("vendor", "Aruba")], others)) == []
    assert list(additional([claim("vendor", "Aruba")], [claim("type", "switch")])) == [claim("type", "switch")]


@pytest.mark.parametrize(
    ("organisation", "attribute", "value", "family"),
    [
        ("Fluke Process Instruments GmbH", "vendor", "Fluke Process Instruments", "owner"),
        ("Tilgin AB", "vendor", "Tilgin", "oui"),
        ("CyberTAN Technology Inc.", "module", "CyberTAN", "oui"),
        ("Virtual machine (Hyper-V)", "type", "server", "oui"),
    ],
)
def test_owners_that_no_fingerprint_knows(organisation: str, attribute: str, value: str, family: str) -> None:
    """The name of an unknown owner is its vendor; one that makes parts or virtual machines has none."""
    claims = MATCHER.match("oui.organisation", organisation)
    assert [(one.attribute, one.value, one.family) for one in claims] == [(attribute, value, family)]
