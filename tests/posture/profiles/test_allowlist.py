"""Allowlists: which flows pass and which are dropped, and their text for each firewall; `test_traffic.py` tests them
with packets and real firewalls.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import os
import shutil
from datetime import UTC, datetime

import pytest

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.core.ip_protocols import TCP, UDP
from sensor.posture.firewall.formats import allowing, names, written
from sensor.posture.firewall.model import Request, Rule
from sensor.posture.profiles.allowlist import allow_list
from sensor.posture.profiles.observed import observed
from sensor.posture.site import Site
from tests.golden import Golden
from tests.posture.firewall.test_programs import NEEDED, PATH, alone, send
from tests.posture.profiles.observed_traffic import CAMERA, NETWORK, PRINTER, cameras, habits, node, site

MADE = datetime(2026, 11, 24, 8, 19, tzinfo=UTC)
LAB = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(
        any(shutil.which(name, path=PATH) is None for name in NEEDED), reason=f"needs {', '.join(NEEDED)}"
    ),
]


def lab(test):
    for mark in LAB:
        test = mark(test)
    return test


def allowlist_request(there: Site, *nodes, six: bool = False) -> Request:
    parties = [there.seen.machines[one.id].party for one in nodes]
    if six:
        parties = [party._replace(addresses=(*party.addresses, addresses.parse("2001:db8:3::5"))) for party in parties]
    seen = observed(there, nodes)
    assert seen is not None
    return allow_list(seen, parties, there.networks, nodes[0].type, MADE)


def verdict(request: Request, client: str, server: str, proto: int, port: int) -> str:
    """The verdict of the rules about a flow: the first match decides, as in all formats."""
    one, other = ipaddress.ip_address(client), ipaddress.ip_address(server)

    def holds(blocks, address) -> bool:
        return not blocks or any(address in block for block in blocks)

    def meant(rule: Rule) -> bool:
        return (
            rule.version == one.version
            and holds(rule.sources, one)
            and holds(rule.destinations, other)
            and rule.match.covers(proto << 16 | port)
        )

    found = next((rule for rule in request.rules if meant(rule)), None)
    return "untouched" if found is None else "allow" if found.allow else "drop"


@pytest.mark.parametrize(
    ("client", "server", "proto", "port", "output"),
    [
        ("10.0.3.5", "10.0.1.1", UDP, 53, "allow"), ("10.0.3.5", "10.0.1.1", UDP, 123, "drop"),
        ("10.0.3.5", "10.0.1.2", UDP, 53, "drop"),
        ("10.0.3.5", "10.0.3.6", TCP, 8080, "allow"), ("10.0.3.5", "198.51.100.123", UDP, 123, "allow"),
        ("10.0.3.5", "198.51.100.124", UDP, 123, "drop"),
        # A host name stands for any external address and no internal one.
        ("10.0.3.5", "203.0.113.5", TCP, 443, "allow"), ("10.0.3.5", "10.0.9.9", TCP, 443, "drop"),
        ("10.0.3.5", "203.0.113.5", TCP, 8443, "drop"),
        ("10.0.3.2", "10.0.3.5", TCP, 554, "allow"), ("10.0.0.9", "10.0.3.5", TCP, 554, "drop"),
        ("10.0.3.2", "10.0.3.5", TCP, 23, "drop"),
        ("10.0.0.9", "10.0.1.1", TCP, 445, "untouched"),
    ],
)  # fmt: skip
def test_a_camera_may_do_what_it_was_seen_to_need(client: str, server: str, proto: int, port: int, output: str) -> None:
    """All other flows of the camera are dropped; the rules do not apply to other hosts."""
    assert verdict(allowlist_request(cameras(), CAMERA), client, server, proto, port) == output


def test_all_of_the_network_may_print() -> None:
    """Internal hosts that never printed may print; external hosts may not."""
    request = allowlist_request(cameras(), PRINTER)
    assert (
        verdict(request, "10.99.0.1", "10.0.2.5", TCP, 9100)
        == verdict(request, "192.168.7.7", "10.0.2.5", TCP, 9100)
        == "allow"
    )
    assert (
        verdict(request, "203.0.113.9", "10.0.2.5", TCP, 9100)
        == verdict(request, "10.99.0.1", "10.0.2.5", TCP, 23)
        == "drop"
    )


def test_blocks_of_the_operator_are_inside() -> None:
    there = cameras()
    there = there._replace(networks=Networks(["203.0.113.0/24"]))
    assert verdict(allowlist_request(there, CAMERA), "10.0.3.5", "203.0.113.5", TCP, 443) == "drop"


def test_each_family_of_addresses_has_its_rules() -> None:
    """For a dual-stack camera, flows allowed by name are allowed in both families, and all others dropped in both."""
    request = allowlist_request(cameras(), CAMERA, six=True)
    assert verdict(request, "2001:db8:3::5", "2001:db8:9::9", TCP, 443) == "allow"
    assert (
        verdict(request, "2001:db8:3::5", "fd00::1", TCP, 443)
        == verdict(request, "2001:db8:9::9", "2001:db8:3::5", TCP, 554)
        == "drop"
    )
    assert verdict(request, "10.0.3.5", "203.0.113.5", TCP, 443) == "allow"


def test_what_the_text_reports_above_the_rules(golden: Golden) -> None:
    """The header contains the confidence, the host names and the limits of the profile, without special characters of
    firewall formats.
    """
    names = [name for name in allowing() if name != "csv"]
    assert names
    for name in names:
        text = written(name, [allowlist_request(cameras(), CAMERA)])
        golden(text, "400.0")
        golden(text, "cloud.example")
        assert "32768 and above" in text


def test_calls_may_use_any_port_of_udp(golden: Golden) -> None:
    phone = node("dev-phone", "voip_phone", "10.0.4.5")
    there = site((*NETWORK, phone), {"dev-phone": habits("voip_phone", uses=("udp/11790 dev-pc",))})
    request = allowlist_request(there, phone)
    assert (
        verdict(request, "10.0.4.5", "10.0.0.9", UDP, 50000)
        == verdict(request, "10.0.0.9", "10.0.4.5", UDP, 40000)
        == "allow"
    )
    assert verdict(request, "10.0.4.5", "10.0.0.9", TCP, 50000) == "drop"
    golden(request.notes)


def test_a_device_with_more_peers_than_a_rule_names() -> None:
    """A monitoring camera of 70 hosts may reach any internal host at that service, also one observed last; none is
    blocked because it exceeds a limit.
    """
    uses = [f"tcp/8080 10.0.5.{number}" for number in range(1, 71)]
    there = site((*NETWORK, CAMERA), {"dev-camera": habits("camera", uses=uses)})
    request = allowlist_request(there, CAMERA)
    assert verdict(request, "10.0.3.5", "10.0.5.70", TCP, 8080) == "allow"
    assert verdict(request, "10.0.3.5", "10.0.5.70", TCP, 22) == "drop"
    assert verdict(request, "10.0.3.5", "203.0.113.5", TCP, 8080) == "drop"
    assert any("tcp/8080" in note or "/8080" in note for note in request.notes)


# Formats.


def test_formats_that_can_report_it() -> None:
    """Formats that cannot express allow rules are not offered."""
    assert allowing() == ["csv", "fortios", "ios", "ip6tables", "iptables", "nftables"]
    assert set(allowing()) < set(names())


def ios_verdict(lines: list[str], proto: str, client: tuple[str, int], server: tuple[str, int]) -> str:
    """What an access list does with the first packet of a connection and the reply: ``permit`` if both pass."""
    for source, to, answer in ((client, server, False), (server, client, True)):
        action = next(line.split()[0] for line in lines if ios_meets(line.split(), proto, source, to, answer=answer))
        if action == "deny":
            return "deny the reply" if answer else "deny"
    return "permit"


def ios_meets(words: list[str], proto: str, source: tuple[str, int], to: tuple[str, int], *, answer: bool) -> bool:
    """Whether a line matches a packet of a protocol between two ends (address, port)."""
    if words[0] not in ("permit", "deny") or words[1] not in ("ip", "ipv6", proto):
        return False
    rest = words[2:]
    for address, port in (source, to):
        if rest[0] == "host":
            met, rest = rest[1] == address, rest[2:]
        elif rest[0] == "any":
            met, rest = True, rest[1:]
        elif "/" in rest[0]:
            met, rest = ipaddress.ip_address(address) in ipaddress.ip_network(rest[0]), rest[1:]
        else:
            met, rest = ipaddress.ip_address(address) in ipaddress.ip_network("/".join(rest[:2])), rest[2:]
        if rest[:1] == ["eq"]:
            met, rest = met and rest[1] == str(port), rest[2:]
        if not met:
            return False
    return "established" not in rest or answer


@pytest.mark.parametrize(
    ("proto", "client", "server", "output"),
    [
        ("tcp", ("10.0.3.5", 40000), ("203.0.113.5", 443), "permit"),
        ("udp", ("10.0.3.5", 40000), ("10.0.1.1", 53), "permit"),
        ("tcp", ("10.0.3.2", 40000), ("10.0.3.5", 554), "permit"),
        ("tcp", ("10.0.3.5", 40000), ("10.0.9.9", 443), "deny"),
        ("tcp", ("10.0.3.5", 554), ("10.0.3.2", 22), "deny"),
        ("tcp", ("10.0.3.2", 40000), ("10.0.3.5", 23), "deny"),
        ("tcp", ("2001:db8:3::5", 40000), ("2001:db8:9::9", 443), "permit"),
        ("tcp", ("2001:db8:3::5", 40000), ("fd00::1", 22), "deny"),
    ],
)
def test_ios_permits_the_replies_too(proto: str, client: tuple[str, int], server: tuple[str, int], output: str) -> None:
    """Access lists are stateless and bound both ways: a device answers its clients, and begins nothing else."""
    lines = written("ios", [allowlist_request(cameras(), CAMERA, six=True)]).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("ipv6 access-list"))
    mine = lines[:start] if "." in client[0] else lines[start:]
    assert ios_verdict([line for line in mine if line.startswith(" ")], proto, client, server) == output


def test_ios_permits_neighbor_discovery() -> None:
    """A list that denies all of a device in IPv6 has lost the implicit permission, without which nothing else works."""
    lines = written("ios", [allowlist_request(cameras(), CAMERA, six=True)]).splitlines()
    first_denied = next(number for number, line in enumerate(lines) if line.startswith(" deny ipv6"))
    assert {" permit icmp any any nd-na", " permit icmp any any nd-ns"} <= set(lines[:first_denied])
    assert lines.count(" permit icmp any any nd-na") == 1


def test_fortios_knows_names() -> None:
    """Objects for each host name, accept policies before deny policies; the undo commands delete all of them."""
    request = allowlist_request(cameras(), CAMERA, six=True)
    text, undo = written("fortios", [request]), written("fortios", [request], undo=True)
    assert '        set fqdn "cloud.example"\n' in text
    assert f'        set dstaddr "{request.id}-cloud.example"\n' in text
    assert f'        set dstaddr6 "{request.id}-cloud.example"\n' in text
    assert text.count("set action accept") == sum(rule.allow for rule in request.rules)
    made = {line.strip() for line in text.splitlines() if line.startswith("    edit ")}
    assert {
        line.strip().replace("delete", "edit") for line in undo.splitlines() if line.startswith("    delete ")
    } == made


def test_csv_names_what_is_allowed() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", [allowlist_request(cameras(), CAMERA)]))))
    assert {row["action"] for row in rows} == {"allow", "drop"}
    assert ("allow", "any", "cloud.example", "443") in {
        (row["action"], row["destination"], row["destination_name"], row["port"]) for row in rows
    }


@lab
@pytest.mark.parametrize("six", [False, True])
def test_nft_loads_an_allow_list_and_takes_it_back(six: bool) -> None:
    request = allowlist_request(cameras(), CAMERA, six=six)
    load = f"{send('RULES')} | nft"
    script = (
        f"{load} -c -f -; {load} -f -; {load} -f -; nft list ruleset; {send('UNDO')} | nft -f -; echo "
        "LEFT; nft list ruleset"
    )
    reported, _, left = alone(
        script, RULES=written("nftables", [request]), UNDO=written("nftables", [request], undo=True)
    ).partition("LEFT\n")
    assert reported.count(" accept comment ") == sum(rule.allow for rule in request.rules)
    assert reported.count(" drop comment ") == sum(not rule.allow for rule in request.rules)
    assert reported.index("ct state established,related accept") < reported.index(" drop comment ")
    assert not left


@lab
@pytest.mark.parametrize("version", [4, 6])
def test_iptables_loads_an_allow_list_and_takes_it_back(version: int) -> None:
    program = "iptables" if version == 4 else "ip6tables"
    request = allowlist_request(cameras(), CAMERA, six=True)
    restore = f"{program}-restore --noflush"
    load, undo = f"{send('RULES')} | {restore}", f"{send('UNDO')} | {restore}"
    script = (
        f"{program} -S > before; {load} --test; {load}; {program} -S; {undo}; {program} -S > after; cmp before after"
    )
    reported = alone(
        f"cd $(mktemp -d); {script}", RULES=written(program, [request]), UNDO=written(program, [request], undo=True)
    )
    mine = [rule for rule in request.rules if rule.version == version]
    assert reported.count("-j DROP") == sum(max(1, len(rule.destinations)) for rule in mine if not rule.allow)
    assert reported.count("-j LOG --log-prefix") == reported.count("-j DROP")
    assert reported.count("-j RETURN") == 1 + sum(
        max(1, len(rule.sources)) * max(1, len(rule.destinations)) for rule in mine if rule.allow
    )
