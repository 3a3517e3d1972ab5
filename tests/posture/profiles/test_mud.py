"""MUD files: generated ones and those of vendors, unknown elements, and faults."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sensor.posture.profiles
from sensor.documents import DocumentErrors
from sensor.posture.profiles.model import (
    BLOCK,
    CONTROLLER,
    FROM_DEVICE,
    LOCAL,
    MAKER,
    MY_CONTROLLER,
    NAME,
    SAME_MAKER,
    TO_DEVICE,
    Entry,
    Peer,
    Profile,
)
from sensor.posture.profiles.mud import read
from sensor.posture.profiles.observed import Observed, observed
from sensor.posture.profiles.write import mud_file
from tests.golden import Golden
from tests.posture.profiles.observed_traffic import CAMERA, NETWORK, NOW, PRINTER, SISTER, cameras, habits, site

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(sensor.posture.profiles.__file__).parent / "mud.schema.json").read_text(encoding="utf-8"))
)


def written(tmp_path: Path, body: Any) -> Path:
    path = tmp_path / "made.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body, indent=2), encoding="utf-8")
    return path


def seen_of(*nodes: Any) -> Observed:
    found = observed(cameras(), nodes or [CAMERA])
    assert found is not None
    return found


def foreign(
    matches: dict[str, Any], forwarding: str = "accept", key: str = "ietf-access-control-list:acls"
) -> dict[str, Any]:
    """A vendor's MUD file with one entry."""
    ace = {"name": "ent0-frdev", "matches": matches, "actions": {"forwarding": forwarding}}
    return {
        "ietf-mud:mud": {
            "mud-version": 1,
            "mud-url": "https://lighting.example.com/lightbulb2000",
            "last-update": "2019-01-28T11:20:51+01:00",
            "cache-validity": 48,
            "is-supported": True,
            "systeminfo": "The BMS Example Light Bulb",
            "from-device-policy": {"access-lists": {"access-list": [{"name": "mud-76100-v6fr"}]}},
        },
        key: {"acl": [{"name": "mud-76100-v6fr", "type": "ipv6-acl-type", "aces": {"ace": [ace]}}]},
    }


def the_entry(tmp_path: Path, matches: dict[str, Any], **more: Any) -> Entry:
    (one,) = read(written(tmp_path, foreign(matches, **more))).profile().lists
    assert one.way == FROM_DEVICE
    return one.entries[0]


# Generated files.


@pytest.mark.parametrize("nodes", [[CAMERA], [PRINTER], [CAMERA, SISTER, PRINTER]], ids=str)
def test_what_we_write_is_a_mud_file(tmp_path: Path, nodes: list[Any]) -> None:
    """The file has the structure of the YANG modules, and reading it gives the observed flows in both directions."""
    seen = seen_of(*nodes)
    body = mud_file(seen, "camera", NOW)
    assert list(SCHEMA.iter_errors(body)) == []
    profile = read(written(tmp_path, body)).profile()
    assert profile.unread == ()
    for one in profile.lists:
        assert [entry.peers for entry in one.entries] == [(need.peer,) for need in seen.needs]
        assert all(entry.accept and entry.version == 4 for entry in one.entries)


def test_what_a_file_reports_of_its_devices(golden: Golden, tmp_path: Path) -> None:
    """The file contains the packet time, the confidence, vendor and model if all devices share them, and its URL if
    known.
    """
    profile = read(
        written(tmp_path, mud_file(seen_of(), "camera", NOW, "https://mud.example.net/camera.json"))
    ).profile()
    assert (profile.url, profile.updated, profile.validity) == ("https://mud.example.net/camera.json", NOW, 168)
    assert (profile.vendor, profile.model, profile.firmware) == ("Axis", "P3245", "")
    golden(profile.info)
    assert profile.controllers == (MY_CONTROLLER,)
    mixed = observed(
        site(NETWORK, {"dev-camera": habits("camera"), "dev-printer": habits("printer")}), [CAMERA, PRINTER]
    )
    assert "mfg-name" not in mud_file(mixed, "all", NOW)["ietf-mud:mud"]
    assert mud_file(mixed, "日本", NOW)["ietf-mud:mud"]["mud-url"] == "https://mud.invalid/devices.json"


def test_each_family_of_addresses_has_its_lists(tmp_path: Path) -> None:
    """Entries with addresses are in the lists of their family only."""
    body = mud_file(seen_of()._replace(versions=(4, 6)), "camera", NOW)
    assert list(SCHEMA.iter_errors(body)) == []
    lists = read(written(tmp_path, body)).profile().lists
    assert [(one.name, one.way) for one in lists] == [
        ("camera-v4-from", FROM_DEVICE), ("camera-v6-from", FROM_DEVICE), ("camera-v4-to", TO_DEVICE),
        ("camera-v6-to", TO_DEVICE)
    ]  # fmt: skip
    assert [len(one.entries) for one in lists] == [5, 4, 5, 4]


def test_what_devices_report_of_themselves_is_cut_to_size(tmp_path: Path) -> None:
    """A model name that is too long, or has control characters or quotes, gives a valid file."""
    odd = CAMERA._replace(name="x" * 5000, vendor='"' * 300, model="\x1b[31m" + "y" * 300)
    seen = observed(site((odd, *NETWORK[1:]), {"dev-camera": habits("camera")}), [odd])
    body = mud_file(seen, odd.text, NOW)
    assert list(SCHEMA.iter_errors(body)) == []
    profile = read(written(tmp_path, body)).profile()
    assert (len(profile.vendor), len(profile.model), len(profile.info)) == (256, 256, 1024)


def test_directions_and_ports_are_those_of_the_server(tmp_path: Path) -> None:
    """Used services match the peer's port in both directions, served ones the device's port; TCP entries contain the
    initiator.
    """
    sent, got = read(written(tmp_path, mud_file(seen_of(), "camera", NOW))).profile().lists
    entries = {(one.way, entry.name.rsplit("-", 1)[0]): entry for one in (sent, got) for entry in one.entries}
    for way in (FROM_DEVICE, TO_DEVICE):
        uses = entries[way, "uses-https-443"]
        serves = entries[way, "serves-rtsp-554"]
        asks = entries[way, "uses-dns-53"]
        assert (uses.near, uses.far, uses.begun) == ((), ((443, 443),), FROM_DEVICE)
        assert (serves.near, serves.far, serves.begun) == (((554, 554),), (), TO_DEVICE)
        assert (asks.far, asks.begun, asks.proto) == (((53, 53),), "", 17)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("ietf-mud:mud", "cache-validity"), 0),
        (("ietf-mud:mud", "last-update"), "yesterday"),
        (("ietf-mud:mud", "mud-url"), "http://plain.example/x"),
        (("ietf-mud:mud", "motto"), "x"),
        (("ietf-access-control-list:acls", "acl", 0, "type"), "ipv5-acl-type"),
        (
            ("ietf-access-control-list:acls", "acl", 0, "aces", "ace", 0, "matches", "udp"),
            {"destination-port": {"operator": "eq", "port": 65536}},
        ),
        (
            ("ietf-access-control-list:acls", "acl", 0, "aces", "ace", 0, "matches", "ietf-mud:mud"),
            {"local-networks": []},
        ),
        (("ietf-access-control-list:acls", "acl", 0, "aces", "ace", 0, "matches", "tcp"), {}),
        (("ietf-access-control-list:acls", "acl", 0, "aces", "ace", 0, "actions"), {"forwarding": "maybe"}),
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_modules_do(path: tuple[Any, ...], value: Any) -> None:
    body = mud_file(seen_of(), "camera", NOW)
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(SCHEMA.iter_errors(body)) != []


# Files of vendors.


@pytest.mark.parametrize(
    ("matches", "peer"),
    [
        ({"ipv6": {"ietf-acldns:dst-dnsname": "Service.Example.COM."}}, Peer(NAME, "service.example.com")),
        ({"ipv4": {"destination-ipv4-network": "192.0.2.17/24"}}, Peer(BLOCK, "192.0.2.0/24")),
        ({"ipv6": {"destination-ipv6-network": "2001:db8::/32"}}, Peer(BLOCK, "2001:db8::/32")),
        ({"ietf-mud:mud": {"local-networks": [None]}}, Peer(LOCAL)),
        ({"ietf-mud:mud": {"same-manufacturer": [None]}}, Peer(SAME_MAKER)),
        ({"ietf-mud:mud": {"manufacturer": "lighting.example.com"}}, Peer(MAKER, "lighting.example.com")),
        ({"ietf-mud:mud": {"controller": "urn:ietf:params:mud:ntp"}}, Peer(CONTROLLER, "urn:ietf:params:mud:ntp")),
        ({"ietf-mud:mud": {"my-controller": [None]}}, Peer(MY_CONTROLLER)),
    ],
    ids=str,
)
def test_what_an_entry_is_about(tmp_path: Path, matches: dict[str, Any], peer: Peer) -> None:
    assert list(SCHEMA.iter_errors(foreign(matches))) == []
    assert the_entry(tmp_path, matches).peers == (peer,)


@pytest.mark.parametrize(
    ("ports", "ranges"),
    [
        ({"operator": "eq", "port": 443}, ((443, 443),)),
        ({"port": 443}, ((443, 443),)),
        ({"operator": "lte", "port": 1023}, ((0, 1023),)),
        ({"operator": "gte", "port": 1024}, ((1024, 65535),)),
        ({"operator": "neq", "port": 23}, ((0, 22), (24, 65535))),
        ({"operator": "neq", "port": 0}, ((1, 65535),)),
        ({"lower-port": 5000, "upper-port": 6000}, ((5000, 6000),)),
    ],
    ids=str,
)
def test_ports_of_every_kind(tmp_path: Path, ports: dict[str, Any], ranges: Any) -> None:
    entry = the_entry(
        tmp_path,
        {"tcp": {"destination-port": ports, "source-port": {"port": 9}, "ietf-mud:direction-initiated": "to-device"}},
    )
    assert (entry.far, entry.near, entry.begun, entry.proto) == (ranges, ((9, 9),), TO_DEVICE, 6)


@pytest.mark.parametrize(
    ("matches", "proto"),
    [({"icmp": {}}, 1), ({"ipv6": {}, "icmp": {}}, 58), ({"ipv4": {"protocol": 47}}, 47), ({}, 0)],
    ids=str,
)
def test_protocols_without_ports(tmp_path: Path, matches: dict[str, Any], proto: int) -> None:
    assert the_entry(tmp_path, matches).proto == proto


def test_drafts_and_identities_with_their_modules_are_read(tmp_path: Path) -> None:
    """Draft versions and identities with module prefixes are read, as in many vendors' files."""
    entry = the_entry(
        tmp_path,
        {"ipv4": {"protocol": 6}},
        forwarding="ietf-access-control-list:drop",
        key="ietf-access-control-list:access-lists",
    )
    assert not entry.accept
    assert entry.version == 4


def test_what_is_not_understood_is_named_and_counted(tmp_path: Path) -> None:
    """Unknown elements of an entry are conditions that cannot be evaluated; others are only reported."""
    body = foreign({"ipv4": {"dscp": 10, "ttl": 64}, "eth": {"ethertype": "0x0800"}, "ietf-qos:qos": 1})
    body["ietf-mud:mud"] |= {
        "ietf-mud-tls:is-tls-dtls-profile-supported": True,
        "extensions": ["qos"],
        "mud-signature": "https://x.example/s",
        "software-rev": "1",
    }
    body["ietf-access-control-list:acls"]["acl"][0]["aces"]["ace"].append(
        {"name": "b", "matches": {"ipv4": {"dscp": 20}}, "actions": {"forwarding": "accept", "logging": "log-syslog"}}
    )
    profile = read(written(tmp_path, body)).profile()
    assert profile.unread == (
        "dscp (2 times)", "eth", "extensions", "ietf-mud-tls:is-tls-dtls-profile-supported", "ietf-qos:qos",
        "mud-signature", "ttl",
    )  # fmt: skip
    assert profile.lists[0].entries[0].unread == ("eth", "ietf-qos:qos", "dscp", "ttl")


# Faults.


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("", "1:1"),
        ('{"ietf-mud:mud": }', "1:18"),
        ("[]", "1:1"),
        ("{}", "1:1"),
        ("[" * 100_000, "1:1"),
        ('{"ietf-mud:mud": ' + "1" * 5000 + "}", "1:1"),
        ('{\n\t"ietf-mud:mud": {"mud-version": 2}\n}', "2:34"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_mud_file_is_reported_with_its_place(golden: Golden, tmp_path: Path, body: str, place: str) -> None:
    path = written(tmp_path, body)
    with pytest.raises(DocumentErrors) as raised:
        read(path)
    assert f"{path}:{place}: " in str(raised.value)
    golden(str(raised.value))


@pytest.mark.parametrize(
    "matches",
    [
        {"ipv4": {"destination-ipv4-network": "10.0.0.0/40"}},
        {"ipv4": {"ietf-acldns:dst-dnsname": "a b"}},
        {"tcp": {"destination-port": {"lower-port": 9, "upper-port": 8}}},
        {"tcp": {"destination-port": {"operator": "eq"}}},
        {"udp": {"destination-port": {"operator": "eq", "port": -1}}},
        {"ietf-mud:mud": {"local-networks": True}},
    ],
    ids=str,
)
def test_faults_within_an_entry_have_lines(golden: Golden, tmp_path: Path, matches: dict[str, Any]) -> None:
    path = written(tmp_path, foreign(matches))
    with pytest.raises(DocumentErrors) as raised:
        read(path)
    (fault,) = raised.value.faults
    golden(fault.message)
    assert fault.line > 20


def test_a_policy_of_a_list_that_is_not_there(tmp_path: Path) -> None:
    body = foreign({})
    body["ietf-access-control-list:acls"]["acl"][0]["name"] = "other"
    with pytest.raises(
        DocumentErrors,
        match=r"'mud-76100-v6fr'.*: other\b",
    ):
        read(written(tmp_path, body))


def test_a_file_that_is_too_large_or_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, " " * (1 << 20) + "{}")
    with pytest.raises(DocumentErrors, match=" 1 MiB"):
        read(path)
    path.write_bytes(b'{\n"x": "\xff"}')
    with pytest.raises(DocumentErrors, match=r":2:1: .* UTF-8"):
        read(path)


def test_a_file_that_was_damaged_reports_so_or_is_a_profile(tmp_path: Path) -> None:
    """A file truncated or changed at any position gives an error or a profile."""
    text, chance, path = json.dumps(mud_file(seen_of(), "camera", NOW)), random.Random(8520), tmp_path / "made.json"
    damaged = [text[:end] for end in range(0, len(text), 37)]
    for _ in range(400):
        at = chance.randrange(len(text))
        damaged.append(text[:at] + chance.choice('{}[]",:0x \t\\é') + text[at + chance.randrange(3) :])
    for body in damaged:
        path.write_text(body, encoding="utf-8")
        with contextlib.suppress(DocumentErrors):
            assert isinstance(read(path).profile(), Profile)
