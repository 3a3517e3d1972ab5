"""Texts that devices send in more than one protocol: the fingerprints of one protocol know them in the other, too.

The description of LLDP is sysDescr of SNMP (IEEE 802.1AB, 8.5.8), and CDP and FDP announce parts of it. A realm is
often the title of the page; descriptions in JSON and UPnP have the same model. Phones fetch their settings with the
User-Agent of SIP. A class of DHCPv6 is that of DHCP after the enterprise number (RFC 8415, 21.16).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sensor.fingerprinting.entries import Claim

# Kind → the kinds whose fingerprints also know its texts, the closest one first.
SAME_TEXT: dict[str, tuple[str, ...]] = {
    "cdp.platform": ("lldp.system_description", "snmp.sys_descr"),
    "cdp.version": ("snmp.sys_descr", "lldp.system_description"),
    "dhcpv6.vendor_class": ("dhcp.vendor_class",),
    "fdp.version": ("snmp.sys_descr",),
    "http.device_model": ("upnp.model_name",),
    "http.realm": ("http.title", "rtsp.realm"),
    "http.user_agent": ("sip.user_agent",),
    "lldp.med_model": ("lldp.system_description", "cdp.platform"),
    "lldp.system_description": ("snmp.sys_descr", "cdp.platform"),
    "rtsp.realm": ("http.realm",),
    "snmp.sys_descr": ("lldp.system_description",),
    "ssdp.server": ("http.server",),
}
# Kinds whose texts follow an enterprise number.
NUMBERED = frozenset(("dhcpv6.vendor_class",))
# Kind → the kind whose fingerprints are used for texts that nothing else knows.
OTHERWISE = {"oui.organisation": "oui.owner"}


def in_others(kind: str, value: str) -> str:
    """The text of a kind, as other protocols send it."""
    return value.partition(":")[2] if kind in NUMBERED else value


def additional(claims: list[Claim], others: Iterable[Claim]) -> Iterator[Claim]:
    """The claims of another kind about attributes that a kind's own fingerprints do not know; none if its vendor is
    another one.
    """
    others = list(others)
    known = {claim.attribute for claim in claims}
    vendors = {claim.value for claim in claims if claim.attribute == "vendor"}
    foreign = {claim.value for claim in others if claim.attribute == "vendor"}
    if not (vendors and foreign) or vendors & foreign:
        yield from (claim for claim in others if claim.attribute not in known)
