"""What identity is based on: which MACs and addresses identify a device, which device an observation is about, and ids
made from keys.

Pure functions without state.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Container
from typing import NamedTuple

from sensor.core.addresses import NONE, is_group_mac, is_v4
from sensor.core.ids import entity_id
from sensor.core.lazy_pattern import lazy_pattern

# Virtual MACs that move between routers: VRRP for IPv4 and IPv6 (RFC 9568, 7.3), HSRP version 1, HSRP version 2 for
# IPv4 and IPv6, GLBP.
_VIRTUAL = (
    (0x00005E000100, 0xFFFFFFFFFF00),
    (0x00005E000200, 0xFFFFFFFFFF00),
    (0x00000C07AC00, 0xFFFFFFFFFF00),
    (0x00000C9FF000, 0xFFFFFFFFF000),
    (0x000573A00000, 0xFFFFFFFFF000),
    (0x0007B4000000, 0xFFFFFF000000),
)
_VIRTUAL_BLOCKS = frozenset(prefix >> 24 for prefix, _ in _VIRTUAL)
# Facts of these protocols are about the host with that MAC, whatever its address; routers do not forward them.
_BOUND = frozenset(("arp", "ndp", "dhcp", "dhcpv6", "lldp", "cdp", "edp", "fdp", "mndp", "stp", "oui"))
_CLAIMS = frozenset(("arp.address", "ndp.address", "dhcp.lease", "dhcpv6.lease"))
# Network stack traffic that is not enough for a randomized MAC to be a device.
_MUTE = frozenset(("arp", "ndp", "tcp", "ip", "icmp", "dns", "oui"))
_NAME_WORDS = ("hostname", "fqdn", "device_name", "friendly_name", "instance")
# A packet that passed routers: it is the host's own only if its MAC is the sender's, and the host claimed the address.
HOPS = "tcp.hops"
# Sources of names, most trusted first: the configured host name, then names in protocols, then display names.
_NAME_TRUST = (
    "dhcp.hostname", "dhcp.fqdn", "dhcpv6.fqdn", "lldp.hostname", "cdp.hostname", "mndp.hostname", "snmp.hostname",
    "ntlm.hostname", "smb.hostname", "mdns.hostname", "netbios.hostname", "llmnr.hostname", "wsd.hostname", "ntlm.fqdn",
)  # fmt: skip
_JOINS = {"dhcp.client_id": "id", "dhcpv6.duid": "id", "dhcp.hostname": "name", "mdns.hostname": "name"}
# Default names that vendors give to every unit identify no device.
_COMMON = lazy_pattern(
    r"(localhost|unknown|none|null|default|android|iphone|ipad|ipod|watch|macbook([ "
    r"-]?(air|pro))?|mac ?mini|imac|apple-?(tv|watch)|"
    r"galaxy\b.*|pixel\b.*|redmi\b.*|xiaomi\b.*|mi-\w+|mi\d\w*|poco\b.*|oneplus\b.*|huawei\w{0,8}|"
    r"honor\b.*|oppo\b.*|vivo\b.*|realme\b.*|moto\b.*|nokia\b.*|sm-\w+|esp(ressif)?|"
    r"cph\d+\w*|rmx\d+\w*|v\d{4}\w?|m2\d{3}\w+|2\d{4,}\w+|samsung|tablet|tab\b.*|"
    r"(esp|tasmota|shelly)?-?device|raspberrypi|ubuntu|debian|kali|fedora|linux|openwrt|buildroot|"
    r"busybox|pc|laptop|desktop|phone|host|client|user|wlan0|eth0|"
    r"windows-?phone|udhcp\w*|dhcpcd?\w*)",
    re.IGNORECASE,
)
_MAC_BEHIND = lazy_pattern(r" ?\[(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\]$", re.IGNORECASE)
# Length of the digest of a key from which short ids of earlier versions were made.
_HEAD_BYTES = 4


class Trait(NamedTuple):
    """How the inventory treats a kind of observation.

    ``bound``: about the MAC itself. ``claim``: the subject claims its address; ``lease``: the address was assigned to
    it, replacing earlier ones. ``identifies``: enough for a device. ``rank``: trust in the name, 0 is highest,
    -1 no name. ``role``: the value is a role. ``join``: the value may identify the owner of a randomized MAC (``id`` or
    ``name``). ``family``: first word of the kind.
    """

    bound: bool
    claim: bool
    lease: bool
    identifies: bool
    rank: int
    role: bool
    join: str
    family: str


@functools.lru_cache(maxsize=1024)
def trait_of(kind: str) -> Trait:
    """The trait of a kind. Cached: kinds come from dissectors, so there are few."""
    family, last = kind.partition(".")[0], kind.rpartition(".")[2]
    role = last == "role"
    return Trait(
        # Behind a relay, the frame is the router's: the server's role belongs to its address.
        bound=family in _BOUND and not role,
        claim=kind in _CLAIMS,
        lease=kind in _CLAIMS and last == "lease",
        identifies=family not in _MUTE,
        rank=_rank(kind, last),
        role=role,
        join=_JOINS.get(kind, ""),
        family=family,
    )


def _rank(kind: str, last: str) -> int:
    if last not in _NAME_WORDS:
        return -1
    return _NAME_TRUST.index(kind) if kind in _NAME_TRUST else len(_NAME_TRUST) + _NAME_WORDS.index(last)


# An endpoint of a flow, without any observation.
SIGHTING = Trait(bound=False, claim=False, lease=False, identifies=True, rank=-1, role=False, join="", family="flow")


def is_machine(mac: int) -> bool:
    """Whether a MAC can identify a device: it is not zero, multicast or broadcast."""
    return mac != 0 and not is_group_mac(mac)


def is_virtual(mac: int) -> bool:
    """Whether a MAC belongs to a redundancy protocol: a role of a router, not a device."""
    return mac >> 24 in _VIRTUAL_BLOCKS and any(mac & mask == prefix for prefix, mask in _VIRTUAL)


def usable(address: int) -> int:
    """The address if a host on the network can have it, else 0: unspecified, multicast, broadcast and loopback
    addresses identify no device.
    """
    if address >> 32 == 0xFFFF:
        return address if 0 < (first := address >> 24 & 0xFF) < 224 and first != 127 else NONE
    return address if address > 1 and address >> 120 != 0xFF else NONE


def is_link_local(address: int) -> bool:
    """Whether an address is in fe80::/10 or 169.254.0.0/16: never forwarded, so always the sender's own."""
    return address >> 118 == 0xFE80 >> 6 or address >> 16 == 0xFFFF_A9FE


def network_of(address: int) -> int:
    """The /24 or /64 of an address: several addresses of one host rarely span more."""
    return address >> 8 if is_v4(address) else address >> 64


def bare(name: str) -> str:
    """A host name without the mDNS domain, the trailing dot, and the MAC that Avahi adds to workstations (``cam
    [74:da:38:80:7a:08]``).
    """
    return _MAC_BEHIND.sub("", name.rstrip(".").removesuffix(".local"))


def stem(name: str) -> str:
    """A host name without the suffix that a responder adds if its name is in use (``printer-2``; RFC 6762, 9), for
    comparison.
    """
    return re.sub(r"(-\d{1,3}| \(\d{1,3}\))$", "", bare(name)).lower()


def join_key(way: str, value: str, mac: int) -> str:
    """A key that may join randomized MACs of one device; empty if the value is not specific or only repeats the MAC."""
    value = value.lower()
    if way == "id":
        digits = re.sub(r"[^0-9a-f]", "", value)
        return "" if len(value) < 4 or f"{mac:012x}" in digits else f"id:{value}"
    value = bare(value)
    return "" if len(value) < 3 or _COMMON.fullmatch(value) else f"name:{value}"


def device_id(key: str, taken: Container[str] = (), scope: str = "") -> str:
    """``dev-5k2m8q0a7c1xw4``, made from the key; a different id if that is taken. ``scope``: the sensor, for keys that
    other sites may have too.
    """
    within = scope if is_local(key) else ""
    names = (
        entity_id("dev", f"{key}#{salt}" if salt else key, within, head_bytes=_HEAD_BYTES) for salt in itertools.count()
    )
    return next(name for name in names if name not in taken)


def is_local(key: str) -> bool:
    """Whether another site may have a device with the same key: addresses, names, and locally administered MACs (IEEE
    802, 8.4).
    """
    kind, _, value = key.partition(":")
    return kind != "mac" or int(value[:2] or "0", 16) & 2 != 0
