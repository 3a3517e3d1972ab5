"""The device of an address, and whether it is internal: for columns as for single values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core import addresses
from sensor.core.addresses import Networks
from sensor.records.address_columns import MASK, Inside, hosts, multicast
from sensor.records.block import HEAD
from sensor.records.identity import Identity
from tests.sampling import chance, count

EDGES = (
    "0.0.0.0", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0", "100.64.0.1", "127.0.0.1", "172.15.255.255",
    "172.31.255.255", "172.32.0.0", "192.168.0.0", "223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0",
    "255.255.255.255", "::", "::1", "::2", "::ffff:ffff", "::fffe:ffff:ffff", "0:0:0:1::", "2001:db8::1", "fbff::",
    "fc00::", "fdff:ffff::1", "fe00::", "fe80::1", "febf::1", "fec0::", "ff02::1", "ffff::", "2001:db8:7::1",
)  # fmt: skip
NETWORKS = ((), ("203.0.113.0/24", "2001:db8:7::/48"), ("0.0.0.0/0",), ("::/0",))


def halves(numbers: list[int]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    hi, lo = (np.array([number >> shift & MASK for number in numbers], np.uint64) for shift in (64, 0))
    return hi, lo


@pytest.mark.parametrize("more", NETWORKS)
def test_columns_are_decided_as_single_addresses_are(more: tuple[str, ...]) -> None:
    draw = chance("nearness")
    numbers = [addresses.parse(text) for text in EDGES]
    for _ in range(count(5_000, 500)):
        numbers += [addresses.V4 | draw.getrandbits(32), draw.getrandbits(128), draw.getrandbits(64)]
    networks = Networks(more)
    hi, lo = halves(numbers)
    assert Inside(networks).of(hi, lo).tolist() == [networks.inside(number) for number in numbers]
    assert multicast(hi, lo).tolist() == [addresses.is_multicast(number) for number in numbers]
    assert hosts(hi, lo).tolist() == [addresses.is_host(number) for number in numbers]


BODIES: dict[str, dict[str, Any]] = {
    "printer": {"id": "printer", "ips": ["10.0.0.7", "fe80::7"], "macs": ["00:00:00:00:00:07"]},
    "router": {"id": "router", "type": "router", "ips": ["10.0.0.1"], "macs": ["00:00:00:00:00:01"]},
    "gateway": {"id": "gateway", "roles": ["router"], "macs": ["00:00:00:00:00:02"]},
}


def behind(identity: Identity, *ends: tuple[int, str]) -> list[str | None]:
    """The devices of MAC and IP addresses."""
    hi, lo = halves([addresses.parse(text) if text else 0 for _, text in ends])
    found: list[str | None] = identity.devices(np.array([mac for mac, _ in ends], np.uint64), hi, lo).to_pylist()
    return found


def test_an_address_identifies_its_device_and_a_mac_where_none_does() -> None:
    identity = Identity(Networks(), BODIES)
    assert behind(identity, (9, "10.0.0.7"), (9, "fe80::7"), (1, "10.0.0.1")) == ["printer", "printer", "router"]
    assert behind(identity, (7, "10.0.0.99"), (7, ""), (7, "0.0.0.0"), (7, "::")) == ["printer"] * 4
    assert behind(identity, (8, "10.0.0.99"), (0, "")) == [None, None]


def test_a_mac_is_of_no_device_behind_a_router_and_of_no_group() -> None:
    """The router forwards for all hosts, and a multicast frame is for many."""
    identity = Identity(Networks(), BODIES)
    assert behind(identity, (1, "10.0.5.5"), (2, "10.0.5.5"), (7, "198.51.100.1"), (7, "224.0.0.251")) == [None] * 4


def test_a_device_that_was_merged_or_changed_its_address() -> None:
    identity = Identity(Networks(), BODIES)
    identity.learn({"id": "printer", "ips": ["10.0.0.8"], "macs": []}, "update")
    assert behind(identity, (0, "10.0.0.7"), (0, "10.0.0.8")) == [None, "printer"]
    identity.learn({"id": "printer"}, "merged")
    assert behind(identity, (0, "10.0.0.8")) == [None]


def test_directions() -> None:
    """Multicast is internal, a client without an address is where its server is, an absent endpoint is unknown."""
    cases = (
        ("10.0.0.7", "10.0.0.8", "internal"), ("10.0.0.7", "198.51.100.1", "outbound"),
        ("198.51.100.1", "10.0.0.7", "inbound"), ("198.51.100.1", "198.51.100.2", "external"),
        ("10.0.0.7", "ff02::fb", "internal"), ("0.0.0.0", "255.255.255.255", "internal"), ("", "10.0.0.7", None),
    )  # fmt: skip
    heads = np.zeros(len(cases), HEAD)
    for end, at in (("src", 0), ("dst", 1)):
        heads[f"{end}_hi"], heads[f"{end}_lo"] = halves(
            [addresses.parse(case[at]) if case[at] else 0 for case in cases]
        )
    assert Identity(Networks()).directions(heads).to_pylist() == [case[2] for case in cases]
