"""The inventory with the shipped fusion and registry."""

from __future__ import annotations

import pytest

from sensor.core.addresses import Networks, parse, parse_mac
from sensor.core.observation import Observation, Subject
from sensor.core.time_units import SECOND
from sensor.fingerprinting.match import Matcher
from sensor.fingerprinting.oui import Oui
from sensor.inventory.inventory import Inventory
from tests.fingerprinting.own import own_knowledge
from tests.inventory.stories import START, Book

PRINTER = Subject(parse_mac("00:17:c8:1a:2b:3c"), parse("10.0.0.9"))


def test_evidence_of_two_families_identifies_a_printer():
    """DHCP and mDNS agree: confidence in the type exceeds that of either, the vendor is from the registry, evidence is
    shown.
    """
    inventory = Inventory(Book(), Oui(), Networks())
    inventory.observe(Observation(START, PRINTER, "dhcp.vendor_class", "type=printer@0.8"))
    inventory.observe(Observation(START, PRINTER, "mdns.txt.ty", "type=printer@0.8;model=ECOSYS@0.8"))
    new, identified = inventory.settle(START + SECOND)
    assert (new.action, identified.action) == ("new", "identified")
    device = identified.device
    assert device.type == "printer"
    assert device.attributes["type"].confidence > 0.9
    assert {one.family for one in device.attributes["type"].evidence} == {"dhcp", "mdns"}
    assert "Kyocera" in device.value("vendor").title()
    assert inventory.finish(START + 2 * SECOND) == []


def test_a_device_without_applications_contacts_the_services_of_its_vendor():
    """Evidence that the fusion makes stronger is still counted at each sighting."""
    inventory = Inventory(Book(), Oui(), Networks())
    lock = Subject(parse_mac("a6:cf:12:32:5b:88"), parse("10.0.0.10"))
    inventory.observe(Observation(START, lock, "dhcp.vendor_class", "type=iot@0.7"))
    for second in range(3):
        seen = Observation(START + second * SECOND, lock, "cloud.query", "type=hub@0.24;vendor=Lockly@0.36")
        inventory.observe(seen)
    device = inventory.settle(START + 3 * SECOND)[-1].device
    assert (device.type, device.value("vendor")) == ("hub", "Lockly")
    (vendor,) = device.attributes["vendor"].evidence
    assert (vendor.confidence, vendor.count, vendor.last) == (0.6, 3, START + 2 * SECOND)


@pytest.mark.parametrize(
    ("sender", "claims", "shown"),
    [
        ("00:17:c8:1a:2b:3c", True, "unknown"),  # it translates addresses
        ("00:17:c8:1a:2b:3c", False, "tv"),  # an address behind it, as far as known
        ("00:00:0c:01:02:03", True, "tv"),  # the mirror port also shows the router that forwards its packets
    ],
)
def test_a_forwarded_packet_proves_address_translation(sender: str, claims: bool, shown: str) -> None:
    """Its own MAC sent the packet, from an address that it claimed."""
    inventory = Inventory(Matcher(own_knowledge()), Oui(), Networks())
    inventory.observe(Observation(START, PRINTER, "arp.address" if claims else "chat.text", "10.0.0.9"))
    tizen = "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/5.0 TV Safari/538.1"
    inventory.observe(Observation(START, PRINTER, "http.user_agent", tizen))
    packet = PRINTER._replace(mac=parse_mac(sender))
    inventory.observe(Observation(START + SECOND, packet, "tcp.hops", "1"))
    assert inventory.device(PRINTER).type == shown


def test_a_gateway_is_a_router():
    """Evidence of forwarding is enough for the type where there is no other."""
    inventory = Inventory(Book(), Oui(), Networks())
    for outside in ("8.8.8.8", "1.1.1.1", "93.184.216.34"):
        inventory.sight(START, PRINTER.mac, parse(outside), 0)
    assert [change.device.type for change in inventory.finish(START)] == ["router", "router"]
