"""Scenarios of devices: what is observed of them, and what is reported."""

from __future__ import annotations

import msgspec
import pytest

from sensor.core.addresses import parse, parse_mac
from sensor.core.device import FieldChange
from sensor.core.observation import Observation, Subject
from sensor.core.time_units import HOUR
from tests.golden import Golden

PRINTER, LAPTOP, GATEWAY, OTHER = "00:17:c8:1a:2b:3c", "00:1b:21:00:00:02", "00:1c:7f:00:00:01", "00:1b:21:00:00:03"
PHONE, PHONE_NEW, PHONE_THIRD = "da:a1:19:00:00:01", "da:a1:19:00:00:02", "da:a1:19:00:00:03"
KEY = f"mac:{PRINTER}"


def test_one_dhcp_packet_reports_a_device_once_and_its_type_once(story):
    """Observations of one packet become one device: new with all attributes, then identified, with evidence."""
    story.sends(PRINTER, "", "dhcp.hostname", "PRN-3F-EAST").sends(
        PRINTER, "", "dhcp.vendor_class", "type=printer@0.85;model=ECOSYS@0.8"
    ).at(5)
    assert story.reported() == [("new", KEY), ("identified", KEY)]
    new, identified = story.changes
    assert new.device.type == "printer"
    assert list(new.device.names) == ["PRN-3F-EAST"]
    assert new.device.value("vendor") == "Kyocera"
    assert [(one.attribute, one.fingerprint, one.seen) for one in new.evidence] == [
        ("type", "story.type", "type=printer@0.85;model=ECOSYS@0.8"),
        ("vendor", "oui.maker", "Kyocera"),
        ("model", "story.model", "type=printer@0.85;model=ECOSYS@0.8"),
    ]
    assert identified.changes == (FieldChange("type", "unknown", "printer"),)
    assert story.at(8).end() == [("new", KEY), ("identified", KEY)]


def test_the_device_behind_an_endpoint_is_known_at_once(story):
    """A detector that looks up an endpoint in the same second gets the type just observed, before the settling."""
    story.sends(PRINTER, "10.0.0.9", "http.server", "type=printer")
    device = story.who(PRINTER, "10.0.0.9")
    assert device.type == "printer"
    assert device.addresses == {parse("10.0.0.9"): story.ts}
    assert story.who("", "10.0.0.9") is device


def test_a_type_found_later_is_identified_then_and_only_then(story):
    """A device first seen in traffic is new and unknown; the fingerprint of a later packet identifies it."""
    story.converses(LAPTOP, "10.0.0.5").at(10).sends(LAPTOP, "10.0.0.5", "mdns.txt.ty", "type=tv").at(12).sends(
        LAPTOP, "10.0.0.5", "ssdp.server", "type=tv@0.95"
    ).end()
    assert [change.action for change in story.changes] == ["new", "identified"]


def test_repeats_count_and_report_nothing(story):
    """The same observation a hundred times is one piece of evidence with a count of a hundred."""
    for second in range(100):
        story.at(second).sends(PRINTER, "10.0.0.9", "sip.user_agent", "type=printer")
    assert [action for action, _ in story.end()] == ["new", "identified"]
    (device,) = story.inventory.devices()
    (evidence,) = device.attributes["type"].evidence
    assert (evidence.count, evidence.last) == (100, story.ts)


def test_an_address_moves_from_one_device_to_another(story):
    """The device that loses an address and the one that gets it are both reported; the identity stays with the MAC."""
    story.sends(PRINTER, "10.0.0.9", "dhcp.lease", "10.0.0.9").sends(
        PRINTER, "10.0.0.9", "dhcp.vendor_class", "type=printer"
    ).at(5)
    story.sends(LAPTOP, "10.0.0.9", "arp.address", "10.0.0.9").at(6)
    assert story.who("", "10.0.0.9").key == f"mac:{LAPTOP}"
    assert story.who(LAPTOP, "10.0.0.9").type == "unknown"
    assert story.who(PRINTER).addresses == {}
    story.at(20)
    assert story.reported() == [("new", KEY), ("identified", KEY), ("new", f"mac:{LAPTOP}"), ("address_changed", KEY)]
    assert story.changes[-1].changes == (FieldChange("ips", "10.0.0.9", ""),)
    story.sends(PRINTER, "10.0.0.10", "dhcp.lease", "10.0.0.10").at(30)
    assert story.changes[-1].changes == (FieldChange("ips", "", "10.0.0.10"),)


def test_a_device_whose_address_another_one_claims_is_still_found_by_its_mac(story):
    """An alert on ARP spoofing names the legitimate device from the first claim on; the address
    moves to the claimant.
    """
    story.sends(PRINTER, "10.0.0.9", "dhcp.lease", "10.0.0.9").sends(LAPTOP, "10.0.0.7", "dhcp.lease", "10.0.0.7").at(5)
    story.sends(LAPTOP, "10.0.0.9", "arp.address", "10.0.0.9")
    assert story.who(PRINTER, "10.0.0.9").key == KEY
    assert story.who("", "10.0.0.9").key == f"mac:{LAPTOP}"
    story.sends(PRINTER, "10.0.0.9", "arp.address", "10.0.0.9")
    assert story.who(LAPTOP, "10.0.0.9").key == f"mac:{LAPTOP}"
    assert story.who("", "10.0.0.9").key == KEY


def test_facts_of_a_device_whose_address_another_one_claims_stay_its_own(story):
    """Neither an ARP spoofer gets the observations of its victim, nor a host those of another one that has the same
    address in another VLAN; a router that forwards for a host still gets none.
    """
    for second in range(3):
        for mac, vlan in ((PRINTER, 10), (LAPTOP, 20)):
            story.at(second).sends(mac, "10.0.0.9", "arp.address", "10.0.0.9", vlan)
    for mac, vlan, value in ((PRINTER, 10, "type=printer"), (LAPTOP, 20, "os=Windows"), (OTHER, 30, "model=X")):
        story.at(3).sends(mac, "10.0.0.9", "http.server", value, vlan)
    printer, laptop = story.who(PRINTER), story.who(LAPTOP)
    assert (printer.type, printer.value("os"), printer.value("model")) == ("printer", "", "")
    assert (laptop.type, laptop.value("os"), laptop.value("model")) == ("unknown", "Windows", "X")


def test_an_address_used_by_another_after_silence_moves_without_the_identity(story):
    """A device that takes over an unused address without a claim gets the address, and no observations of the former
    one.
    """
    story.sends(PRINTER, "10.0.0.9", "sip.user_agent", "type=printer").at(400).sends(
        LAPTOP, "10.0.0.9", "http.server", "os=Windows"
    ).at(402)
    assert story.who(LAPTOP, "10.0.0.9").type == "unknown"
    assert story.who(PRINTER).addresses == {}
    assert story.who("", "10.0.0.9").value("os") == "Windows"


def test_a_new_lease_replaces_the_old_address(story):
    """A device that gets a new address is reported as moved, once."""
    story.sends(PRINTER, "10.0.0.9", "dhcp.lease", "10.0.0.9").at(5).sends(
        PRINTER, "10.0.0.10", "dhcp.lease", "10.0.0.10"
    ).at(20)
    assert story.reported() == [("new", KEY), ("address_changed", KEY)]
    assert story.changes[-1].changes == (FieldChange("ips", "10.0.0.9", "10.0.0.10"),)
    assert story.who("", "10.0.0.9") is None


def test_a_fight_for_an_address_is_reported_ever_more_rarely(story):
    """Two devices that claim one address in turn every seven seconds for half an hour cause few
    events, not hundreds.
    """
    for turn in range(257):
        story.at(turn * 7).sends(PRINTER if turn % 2 else LAPTOP, "10.0.0.9", "arp.address", "10.0.0.9")
    assert 2 <= sum(action == "address_changed" for action, _ in story.end()) <= 12


def test_a_router_is_split_from_the_hosts_behind_it(story):
    """Addresses behind one MAC that never claimed them become devices, with the observations that came from them."""
    story.sends(GATEWAY, "10.1.0.1", "arp.address", "10.1.0.1")
    story.sends(GATEWAY, "10.2.0.5", "sip.user_agent", "type=voip_phone").at(2)
    assert story.who("", "10.2.0.5").key == f"mac:{GATEWAY}"
    for host in ("10.2.0.6", "10.2.0.7", "10.2.0.8"):
        story.converses(GATEWAY, host)
    story.at(9)
    router, phone = story.who(GATEWAY, "10.1.0.1"), story.who(GATEWAY, "10.2.0.5")
    assert (router.key, router.type, set(router.addresses)) == (f"mac:{GATEWAY}", "router", {parse("10.1.0.1")})
    assert (phone.key, phone.type, phone.macs) == ("ip:10.2.0.5", "voip_phone", ())
    assert "router" in router.roles
    assert story.who(GATEWAY).key == f"mac:{GATEWAY}"
    split = next(change for change in story.changes if change.action == "split")
    assert "router" in split.note
    assert {key for action, key in story.reported() if action == "new"} == {
        f"mac:{GATEWAY}",
        *(f"ip:10.2.0.{n}" for n in (5, 6, 7, 8)),
    }


def test_a_host_behind_a_gateway_is_no_router(story):
    """A MAC with addresses of three external networks is a router; the hosts behind it do not inherit that."""
    story.sends(GATEWAY, "10.2.0.5", "http.user_agent", "type=mobile@0.6")
    for server in ("203.0.113.5", "198.51.100.6", "192.0.2.7"):
        story.converses(GATEWAY, server)
    assert story.at(2).who(GATEWAY, "10.2.0.5").type == "router"
    for host in ("10.2.0.6", "10.2.0.7", "10.2.0.8"):
        story.converses(GATEWAY, host)
    story.at(9)
    router, phone = story.who(GATEWAY), story.who(GATEWAY, "10.2.0.5")
    assert (router.type, phone.key, phone.type) == ("router", "ip:10.2.0.5", "mobile")


def test_addresses_of_three_networks_are_no_machine(story):
    """Servers of three networks behind a MAC are three devices and a router; a device with a second
    address stays one.
    """
    for second, host in enumerate(("10.1.0.5", "172.18.38.5", "172.18.39.6")):
        story.at(second).sends(GATEWAY, host, "ntlm.hostname", f"SRV{second}").sends(
            GATEWAY, host, "dns.role", "dns_server"
        )
    story.converses(LAPTOP, "192.168.0.20").converses(LAPTOP, "10.1.0.37").end()
    router = story.who(GATEWAY)
    assert (router.type, list(router.names), router.roles) == ("router", [], {"router"})
    assert [list(story.who(GATEWAY, host).names) for host in ("10.1.0.5", "172.18.38.5", "172.18.39.6")] == [
        ["SRV0"],
        ["SRV1"],
        ["SRV2"],
    ]
    assert story.who(LAPTOP, "10.1.0.37") is story.who(LAPTOP, "192.168.0.20")


def test_hosts_of_another_network_than_the_claimed_one_are_behind_a_router(story):
    """A gateway that answers ARP requests for its own address, with two servers of a remote site behind it, is a router
    and bears neither name; a host with two more addresses and a packet of one of its containers stays one.
    """
    story.at(1).sends(GATEWAY, "192.168.1.1", "arp.address", "192.168.1.1")
    story.sends(GATEWAY, "10.0.5.10", "ntlm.hostname", "DC01").sends(GATEWAY, "10.0.5.11", "rtsp.server", "type=camera")
    story.sends(LAPTOP, "192.168.1.7", "arp.address", "192.168.1.7").sends(LAPTOP, "192.168.1.7", "ntlm.hostname", "PC")
    story.converses(LAPTOP, "192.168.1.8").converses(LAPTOP, "192.168.1.9").converses(LAPTOP, "172.17.0.2").end()
    router, server, camera = (story.who(GATEWAY, host) for host in ("192.168.1.1", "10.0.5.10", "10.0.5.11"))
    assert (router.type, list(router.names), set(router.addresses)) == ("router", [], {parse("192.168.1.1")})
    assert (list(server.names), camera.type, camera.macs) == (["DC01"], "camera", ())
    assert len({story.who(LAPTOP, f"192.168.1.{n}").key for n in (7, 8, 9)} | {story.who("", "172.17.0.2").key}) == 1
    assert "router" not in story.who(LAPTOP).roles


def test_a_mirrored_packet_behind_a_router_belongs_to_the_host_that_claimed_the_address(story):
    """A host seen on both sides of a router is one device, and the router gets neither its address nor its
    observations.
    """
    for n, mac in enumerate((PRINTER, LAPTOP, OTHER)):
        story.sends(mac, f"10.0.0.{n + 1}", "arp.address", f"10.0.0.{n + 1}")
    for second in range(20):
        for n in range(3):
            story.at(second).converses(GATEWAY, f"10.0.0.{n + 1}")
        story.sends(GATEWAY, "10.0.0.1", "http.server", "type=printer")
    assert story.who(GATEWAY, "10.0.0.1").key == KEY
    assert story.who(GATEWAY).addresses == {}
    assert story.who(PRINTER).type == "printer"
    assert [action for action, _ in story.end() if action not in {"new", "identified"}] == []


def test_external_addresses_are_no_devices_and_make_a_gateway(golden: Golden, story):
    """External servers are no devices; addresses of several external networks behind one MAC make it a gateway."""
    for server in ("8.8.8.8", "93.184.216.34", "2001:db8:1::5"):
        story.converses(GATEWAY, server).sends(GATEWAY, server, "http.server", "type=camera")
    story.at(2)
    assert story.who(GATEWAY, "8.8.8.8") is None
    device = story.who(GATEWAY)
    assert (device.type, device.addresses) == ("router", {})
    assert "gateway" in device.roles
    golden(device.attributes["type"].evidence[0].seen)
    assert [key for action, key in story.reported() if action == "new"] == [f"mac:{GATEWAY}"]
    assert story.inventory.telemetry()["unattributed"] == 3


def test_a_host_with_a_public_address_it_claims_is_no_gateway(story):
    """An external address that a MAC claims by ARP belongs to the device of that MAC."""
    story.sends(LAPTOP, "93.184.216.34", "arp.address", "93.184.216.34").sends(
        LAPTOP, "93.184.216.34", "http.server", "type=server"
    )
    assert story.who(LAPTOP, "93.184.216.34").type == "server"


def test_a_randomised_phone_is_one_device_under_changing_macs(story):
    """A phone that returns with another randomized MAC and the same DHCP host name is the same device."""
    story.sends(PHONE, "10.0.0.20", "arp.address", "10.0.0.20").at(2)
    assert story.reported() == []
    assert story.inventory.telemetry()["pending"] == 1
    story.sends(PHONE, "", "dhcp.hostname", "Annas-Phone").sends(PHONE, "", "dhcp.vendor_class", "type=mobile").at(5)
    assert story.reported() == [("new", "name:annas-phone"), ("identified", "name:annas-phone")]
    assert story.changes[0].device.roles == {"randomised_mac"}
    story.at(600).sends(PHONE_NEW, "", "dhcp.hostname", "Annas-Phone").sends(
        PHONE_NEW, "10.0.0.21", "dhcp.lease", "10.0.0.21"
    ).at(620)
    assert story.reported()[2:] == [("address_changed", "name:annas-phone")]
    device = story.who(PHONE_NEW, "10.0.0.21")
    assert device is story.who(PHONE)
    assert device.macs == (parse_mac(PHONE), parse_mac(PHONE_NEW))


def test_a_device_reported_already_merges_into_the_older_one(story):
    """A randomized MAC that was reported before its name was seen is merged into the older device."""
    story.sends(PHONE, "", "dhcp.hostname", "Annas-Phone").at(300).converses(PHONE_NEW, "10.0.0.21").at(305)
    lost = story.changes[-1].device.id
    story.sends(PHONE_NEW, "", "dhcp.hostname", "Annas-Phone").at(310)
    merged = next(change for change in story.changes if change.action == "merged")
    assert merged.device.key == "name:annas-phone"
    assert lost in merged.note
    assert story.inventory.telemetry()["devices"] == 1


def test_two_phones_that_bear_one_name_at_the_same_time_stay_two(story):
    """A name links two MACs only if the former is silent; default names of vendors link none."""
    story.sends(PHONE, "", "dhcp.hostname", "Annas-Phone").sends(PHONE_NEW, "", "dhcp.hostname", "Annas-Phone").at(300)
    story.sends(PHONE_THIRD, "", "dhcp.hostname", "Annas-Phone").at(302)
    assert len({story.who(mac).id for mac in (PHONE, PHONE_NEW, PHONE_THIRD)}) == 3


def test_names_of_makers_join_nothing(story):
    """Two phones called iPhone are two devices, and so are two named by the same model number."""
    for start, name in ((0, "iPhone"), (1000, "CPH2207"), (2000, "2201117TY")):
        story.at(start).sends(PHONE, "", "dhcp.hostname", name).at(start + 300).sends(
            PHONE_NEW, "", "dhcp.hostname", name
        ).at(start + 302)
        assert story.who(PHONE) is not story.who(PHONE_NEW)


def test_a_randomised_mac_never_takes_over_a_device_with_a_stable_one(story):
    """A randomized MAC with the printer's name does not become the printer."""
    story.sends(PRINTER, "", "dhcp.hostname", "PRN-3F-EAST").sends(PRINTER, "", "dhcp.vendor_class", "type=printer").at(
        300
    )
    story.sends(PHONE, "", "dhcp.hostname", "PRN-3F-EAST").at(302)
    assert story.who(PHONE).type == "unknown"


def test_no_host_is_no_device(story):
    """Zero, group, broadcast and redundancy (VRRP) MACs, and unspecified, multicast and loopback addresses are no
    devices.
    """
    for mac in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb"):
        for address in ("", "0.0.0.0", "255.255.255.255", "224.0.0.251", "ff02::1", "::", "127.0.0.1", "::1"):
            story.converses(mac, address).sends(mac, address, "mdns.hostname", "type=tv")
    for mac in ("00:00:5e:00:01:07", "00:00:0c:07:ac:01"):
        story.sends(mac, "10.0.0.1", "arp.address", "10.0.0.1").converses(mac, "10.0.0.1")
    assert story.at(2).end() == []
    assert story.inventory.telemetry()["pending"] == 0


def test_hosts_behind_a_redundant_router_are_known_by_address(story):
    """The virtual MAC is a role; an internal host seen with it is a device."""
    story.sends("00:00:5e:00:01:07", "10.0.0.1", "arp.address", "10.0.0.1").sends(
        "00:00:5e:00:01:07", "10.9.0.4", "http.server", "type=nas"
    )
    assert story.at(2).end() == [("new", "ip:10.9.0.4"), ("identified", "ip:10.9.0.4")]


def test_captures_without_macs_have_devices_by_inside_address(story):
    """Raw IP: an internal address is a device, an external one is not."""
    story.sends("", "10.0.0.4", "sip.user_agent", "type=voip_phone").converses("", "8.8.8.8").at(2)
    assert story.end() == [("new", "ip:10.0.0.4"), ("identified", "ip:10.0.0.4")]


def test_a_host_known_by_address_joins_its_mac_when_that_is_seen(story):
    """An address seen behind a router joins the MAC that claims it while it is active, and expires after a long
    silence.
    """
    story.sends("", "10.0.0.4", "sip.user_agent", "type=voip_phone").at(5).sends(
        LAPTOP, "10.0.0.4", "arp.address", "10.0.0.4"
    ).at(8)
    assert story.who(LAPTOP).type == "voip_phone"
    assert "merged" in [action for action, _ in story.reported()]
    story.sends("", "10.0.0.5", "sip.user_agent", "type=voip_phone").at(1000).sends(
        OTHER, "10.0.0.5", "arp.address", "10.0.0.5"
    ).at(1010)
    assert story.who(OTHER).type == "unknown"
    assert story.reported()[-2:] == [("new", f"mac:{OTHER}"), ("gone", "ip:10.0.0.5")]


def test_a_value_that_wavers_is_not_reported(story):
    """Two values of similar confidence that alternate change nothing until one of them holds."""
    story.sends(PRINTER, "", "a.model", "model=A@0.80").at(2)
    for turn in range(10):
        story.at(2 + turn * 5).sends(PRINTER, "", "a.model", f"model={'BA'[turn % 2]}@{0.81 + turn / 1000}")
    story.at(52)
    assert [action for action, _ in story.reported()] == ["new"]
    story.sends(PRINTER, "", "a.model", "model=B@0.83").at(100)
    assert story.changes[-1].changes == (FieldChange("model", "A", "B"),)
    assert [action for action, _ in story.end()] == ["new", "changed"]


def test_a_much_surer_value_is_reported_at_once(story):
    """A value of much higher confidence replaces a weak one without waiting for it to hold."""
    story.sends(PRINTER, "", "a.model", "model=A@0.4").at(2).sends(PRINTER, "", "lldp.model", "model=B@0.95").at(7)
    assert story.changes[-1].changes == (FieldChange("model", "A", "B"),)


def test_drifting_confidence_reports_nothing(story):
    """More evidence for the same value is not reported."""
    for turn in range(9):
        story.at(turn * 3).sends(PRINTER, "", f"k{turn}.x", f"type=printer@{0.5 + turn / 20}")
    assert [action for action, _ in story.end()] == ["new", "identified"]


def test_gone_after_a_day_of_silence_and_back(story):
    """A device silent for a day is gone once, and back with its former attributes."""
    day = 86_400
    story.sends(PRINTER, "10.0.0.9", "a.type", "type=printer").at(2).at(day * 1.5).at(day * 2)
    assert [action for action, _ in story.reported()] == ["new", "identified", "gone"]
    story.converses(PRINTER, "10.0.0.9").at(day * 2 + 2)
    assert [action for action, _ in story.reported()] == ["new", "identified", "gone", "back"]
    assert story.changes[-1].device.type == "printer"


@pytest.mark.parametrize("live", [False, True])
def test_a_pause_of_the_capture_is_no_silence(story, live):
    """A weekend without a packet, and nights between files: only the silence that was observed counts."""
    hour = 3600
    story.sends(PRINTER, "10.0.0.9", "a.type", "type=printer").sends("", "10.0.1.9", "a.type", "type=camera").at(2)
    story.pause(60 * hour, live=live).at(64 * hour)
    assert story.reported()[-1] == ("gone", "ip:10.0.1.9")  # its lease may be over by now
    assert ("gone", f"mac:{PRINTER}") not in story.reported()
    for day in range(3, 5):
        story.at(day * 24 * hour).pause(15 * hour, live=live)
    assert ("gone", f"mac:{PRINTER}") not in story.reported()
    story.at(140 * hour)
    assert story.reported()[-1] == ("gone", f"mac:{PRINTER}")


def test_a_clock_that_was_set_forward_and_back_is_no_pause(story):
    """The wrong time is no pause: silence afterwards counts as before."""
    story.sends(PRINTER, "10.0.0.9", "a.type", "type=printer").at(2)
    now = story.now
    story.pause(400 * 3600)
    story.now = now
    story.at(30 * 3600)
    assert [action for action, _ in story.reported()] == ["new", "identified", "gone"]


def test_another_limit_of_silence_counts_at_once(story):
    """Three hours of silence are below a limit of a day, and above one of an hour."""
    story.sends(PRINTER, "10.0.0.9", "a.type", "type=printer").at(2).at(3 * 3600)
    assert [action for action, _ in story.reported()] == ["new", "identified"]
    story.inventory.limits = msgspec.structs.replace(story.inventory.limits, gone_ns=HOUR)
    story.at(5 * 3600)
    assert [action for action, _ in story.reported()] == ["new", "identified", "gone"]


def test_an_address_that_comes_back_after_a_day_is_a_user_else(story):
    """Behind a router the lease is over by then: observations of the address are discarded."""
    story.sends("", "10.0.0.9", "a.type", "type=printer").at(2).at(86_400 * 2)
    story.converses("", "10.0.0.9").at(86_400 * 2 + 2)
    assert [action for action, _ in story.reported()] == ["new", "identified", "gone", "back"]
    assert story.who("", "10.0.0.9").type == "unknown"


def test_the_first_name_of_a_device_is_reported(story):
    """A name that becomes known after the device was reported is a change, once; further names are none."""
    story.at(1).sends(LAPTOP, "10.0.0.9", "arp.address", "10.0.0.9").at(9)
    story.sends(LAPTOP, "10.0.0.9", "dhcp.hostname", "desk-7").at(20)
    story.sends(LAPTOP, "10.0.0.9", "mdns.hostname", "desk-8").at(40)
    assert story.reported() == [("new", f"mac:{LAPTOP}"), ("changed", f"mac:{LAPTOP}")]
    assert story.changes[-1].changes == (FieldChange("hostname", "", "desk-7"),)


def test_names_come_most_trusted_first(story):
    """The DHCP host name comes first, then the mDNS host name without its domain, then service names."""
    story.sends(PRINTER, "10.0.0.9", "mdns.instance", "Kyocera on 3F").sends(
        PRINTER, "10.0.0.9", "mdns.hostname", "prn3f.local"
    ).sends(PRINTER, "", "dhcp.hostname", "PRN-3F-EAST")
    assert list(story.who(PRINTER).names) == ["PRN-3F-EAST", "prn3f", "Kyocera on 3F"]


def test_a_mac_behind_a_name_is_no_name(story):
    """Avahi announces a workstation as its name followed by its MAC, and one without a name as the MAC alone."""
    for name in ("localcam [00:17:c8:1a:2b:3c]", "[00:17:c8:1a:2b:3c]"):
        story.sends(PRINTER, "10.0.0.9", "mdns.instance", name)
    story.sends(PRINTER, "10.0.0.9", "mdns.hostname", "localcam").end()
    assert list(story.who(PRINTER).names) == ["localcam"]


def test_a_reflector_bears_none_of_the_names_it_repeats(story):
    """A host with more mDNS host names than one device has is a reflector: it gets neither the names nor the types."""
    for n in range(6):
        story.sends(GATEWAY, "10.0.0.1", "mdns.hostname", f"thing{n}x.local").sends(
            GATEWAY, "10.0.0.1", "mdns.txt.ty", f"type=printer;model=M{n}"
        )
    device = story.who(GATEWAY)
    assert device.names == {}
    assert device.type == "unknown"


def test_a_relayed_name_stays_with_the_device_that_gave_it_first(story):
    """A proxy that announces the printer's name does not get that name."""
    story.sends(PRINTER, "", "dhcp.hostname", "PRN-3F-EAST").at(1).sends(
        GATEWAY, "10.0.0.1", "mdns.hostname", "prn-3f-east.local"
    )
    assert story.who(GATEWAY).names == {}
    assert list(story.who(PRINTER).names) == ["PRN-3F-EAST"]


def test_roles_are_kept(story):
    """A role observation adds the role; the role of a relayed server belongs to its address."""
    story.sends(GATEWAY, "10.0.0.1", "dhcp.role", "server")
    assert "server" in story.who(GATEWAY).roles


def test_one_sided_tags_do_not_split_a_device(story):
    """The same MAC with and without a VLAN tag is one device, in the tagged VLAN."""
    story.converses(PRINTER, "10.0.0.9", vlan=0).converses(PRINTER, "10.0.0.9", vlan=30).converses(
        PRINTER, "10.0.0.9", vlan=0
    )
    assert story.who(PRINTER).vlan == 30
    assert story.inventory.telemetry()["devices"] == 1


def test_what_was_reported_does_not_change_afterwards(story):
    """A change holds the device as it was, also after later observations."""
    story.sends(PRINTER, "10.0.0.9", "a.type", "type=printer").at(2)
    reported = story.changes[0].device
    story.sends(PRINTER, "10.0.0.10", "arp.address", "10.0.0.10").sends(PRINTER, "", "a.hostname", "later").at(20)
    assert (list(reported.addresses), reported.names) == ([parse("10.0.0.9")], {})


def test_facts_without_a_machine_are_counted(story):
    """An observation without a device is counted."""
    story.inventory.observe(Observation(story.ts, Subject(0, 0), "x.y", "z"))
    assert story.inventory.telemetry()["unattributed"] == 1


def test_facts_that_mean_nothing_are_sightings(story):
    """A kind without fingerprints creates the device and updates its last sighting; its values are not kept."""
    for second in range(1, 200):
        story.at(second).sends("00:17:c8:00:00:01", "10.0.0.1", "chat.query", f"name {second}")
    record = story.inventory.table.by_mac[0x0017C8000001]
    assert story.reported() == [("new", "mac:00:17:c8:00:00:01")]
    assert story.who("00:17:c8:00:00:01").last == record.addresses[parse("10.0.0.1")] == story.ts
    assert [kind for kind, _ in record.facts] == ["oui.organisation"]


def test_a_name_server_is_not_what_its_clients_ask_for(story):
    """Once a host is known as a DNS server, the names that it queried are no evidence about it."""
    story.sends(GATEWAY, "10.0.0.1", "dns.query", "type=camera@0.9").sends(
        GATEWAY, "10.0.0.1", "dhcp.vendor_class", "vendor=Kyocera"
    )
    assert story.who(GATEWAY).type == "camera"
    story.sends(GATEWAY, "10.0.0.1", "dns.role", "dns_server").sends(
        GATEWAY, "10.0.0.1", "dns.query", "type=printer@0.9"
    )
    assert story.who(GATEWAY).type == "unknown"
    assert story.who(GATEWAY).attributes["vendor"].value == "Kyocera"


def test_asking_about_an_endpoint_does_not_hide_its_mac(story):
    """A lookup of an address with an unknown MAC does not suppress later observations of that MAC."""
    story.at(1).sends("00:17:c8:00:00:01", "10.0.0.1", "arp.address", "10.0.0.1")
    assert story.who("00:17:c8:00:00:02", "10.0.0.1").key == "mac:00:17:c8:00:00:01"
    story.at(2).sends("00:17:c8:00:00:02", "10.0.0.1", "dns.role", "server")
    assert 0x0017C8000002 in story.inventory.table.by_mac


def test_new_facts_of_a_known_endpoint_follow_its_vlan(story):
    """The VLAN of a device is that of its last packet, also where its endpoint in the other VLAN is cached."""
    for second, vlan in ((1, 10), (2, 20), (3, 10)):
        story.at(second).sends("00:17:c8:00:00:01", "10.0.0.1", "mdns.txt.ty", f"word {second}", vlan)
    assert story.who("00:17:c8:00:00:01").vlan == 10


def test_bytes_that_are_no_text_name_no_device(story):
    """A value with invalid text is kept as an observation, and is not used as a name."""
    story.sends("00:17:c8:00:00:01", "10.0.0.9", "dhcp.hostname", "PC\N{REPLACEMENT CHARACTER}7").sends(
        "00:17:c8:00:00:01", "10.0.0.9", "mdns.hostname", "pc7"
    )
    assert list(story.who("00:17:c8:00:00:01").names) == ["pc7"]


def test_where_evidence_is_left_out_every_claim_keeps_its_proof(story):
    """Of forty claims on the type, the best of each protocol are kept, contested values and other
    attributes included.
    """
    for number in range(40):
        story.sends(PRINTER, "10.0.0.9", "mdns.txt.ty", f"type=printer@0.{99 - number}")
    story.sends(PRINTER, "10.0.0.9", "ssdp.server", "type=printer@0.3").sends(
        PRINTER, "10.0.0.9", "http.server", "software=lighttpd@0.8"
    )
    story.sends(PRINTER, "10.0.0.9", "snmp.sys_descr", "model=ECOSYS@0.8;serial=VX1@0.8").end()
    evidence = story.changes[-1].evidence
    assert len(evidence) == 32
    assert [one.attribute for one in evidence if one.attribute != "type"] == ["vendor", "model", "serial", "software"]
    assert [one.kind for one in evidence if one.kind.startswith("ssdp")] == ["ssdp.server"]
