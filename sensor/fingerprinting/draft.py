"""Drafts of fingerprints: entries from what a device sends and a label that identifies it, for review and correction by
an engineer.

Only evidence of a product is drafted: no names that users choose, serial numbers, addresses or words that are common in
a network. Parts that differ between units or versions become variable parts of the pattern; all else stays as observed.
Results of known fingerprints are left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sensor.core.addresses import mac_text
from sensor.core.lazy_pattern import lazy_pattern
from sensor.fingerprinting.entries import Claim, Knowledge
from sensor.fingerprinting.match import Matcher

# A reviewer who knows the product should raise these.
CERTAINTY = {
    "type": 0.5,
    "vendor": 0.6,
    "model": 0.6,
    "firmware": 0.6,
    "serial": 0.6,
    "os": 0.5,
    "software": 0.5,
    "module": 0.5,
}
LONGEST = 256
LETTERS = lazy_pattern(r"[^\W\d_]{3}")
# Asserted for every unit of a product; the others only if the text contains them.
OF_ALL = ("type", "vendor", "os")
# Texts that are compared exactly, whatever digits they contain.
WHOLE = frozenset(("dhcp.parameter_list", "dhcpv6.option_list", "snmp.sys_object_id"))
SHORTEST_LIST = 6
# Kinds whose values are specific to one machine or user, or come from any program on any machine.
UNINFORMATIVE = frozenset(
    "tcp.syn igmp.group ntp.system ntp.version dns.query tls.sni quic.sni http.asked ssdp.usn ssdp.location upnp.udn "
    "upnp.friendly_name mdns.instance mdns.txt.sn mdns.txt.tsn mdns.txt.serialnum cdp.device_id wsd.endpoint "
    "mqtt.client_id eapol.identity stp.bridge snmp.tree oui.organisation lldp.capabilities cdp.capabilities "
    "smb.dialects netbios.service enpc.name dropbox.version rtsp.user_agent sip.sdp_user sip.sdp_session".split()
)
UNINFORMATIVE_ENDS = (".hostname", ".fqdn", ".own_mac", ".role", ".state", "serial", "serialnumber")
# Kinds whose values are mostly terms of a standard: knowledge about such a value without a vendor applies to the
# standard.
STANDARD = frozenset(("mdns.service", "ssdp.nt", "upnp.device_type", "wsd.type", "wsd.scope_type", "slp.service"))
STANDARD_STARTS = ("uuid:", "urn:schemas-", "urn:dial-multiscreen-org:")
# Services and targets of any host.
COMMON = frozenset(
    "_http._tcp _https._tcp _ssh._tcp _sftp-ssh._tcp _ftp._tcp _telnet._tcp _smb._tcp _nfs._tcp _workstation._tcp "
    "_device-info._tcp _services._dns-sd._udp _rtsp._tcp upnp:rootdevice ssdp:all wsdp:device tds:device "
    "dn:networkvideotransmitter basic digest".split()
)


class Draft(NamedTuple):
    """One entry. ``yields``: attributes that its example must yield besides the constants; ``doubts``: claims of known
    fingerprints that contradict the label.
    """

    kind: str
    family: str
    name: str
    operator: str
    text: str
    asserts: dict[str, str]
    example: str
    yields: dict[str, str]
    doubts: tuple[str, ...]


def is_informative(kind: str, value: str) -> bool:
    """Whether such a value can be evidence of a product."""
    if (
        kind in UNINFORMATIVE
        or kind.endswith(UNINFORMATIVE_ENDS)
        or value.lower().startswith(STANDARD_STARTS)
        or len(value) > LONGEST
    ):
        return False
    if kind in WHOLE:
        return value.count(",") >= SHORTEST_LIST - 1 or kind == "snmp.sys_object_id"
    return value.lower() not in COMMON and LETTERS.search(value) is not None


def drafts(
    observed: Iterable[tuple[str, str]], label: dict[str, str], mac: int, knowledge: Knowledge
) -> Iterator[Draft]:
    """The entries for (kind, value) of one device, in the order of their kinds. ``label``: attribute → value, in terms
    of our vocabulary.
    """
    matcher = Matcher(knowledge)
    families = {kind: file.family for file in knowledge.files.values() for kind in file.kinds}
    counts: Counter[str] = Counter()
    for kind, value in sorted(set(observed)):
        if kind not in families or not is_informative(kind, value):
            continue
        supporting = {
            (claim.attribute, _folded(claim.attribute, claim.value, label)): claim
            for claim in matcher.match(kind, value)
        }
        if _of_any_maker(kind, supporting.values()):
            continue
        draft = _draft(kind, value, label, mac, supporting)
        if draft is not None:
            counts[kind] += 1
            yield draft._replace(family=families[kind], name=_name(kind, label, counts[kind]))


def _draft(
    kind: str, value: str, label: dict[str, str], mac: int, supporting: dict[tuple[str, str], Claim]
) -> Draft | None:
    """The entry for a value, without family and name; None if it would add nothing, or match too much. ``supporting``:
    claims of known fingerprints, by attribute and folded value.
    """
    operator, text, groups = _pattern(kind, value, label, mac)
    wanted = {
        name: label[name]
        for name in label
        if name in OF_ALL or name in groups or (name == "model" and label[name].casefold() in value.casefold())
    }
    known = {(name, _folded(name, wanted_value, label)) for name, wanted_value in wanted.items()}
    asserts = {
        name: f"{{{name}}}" if name in groups else wanted_value
        for name, wanted_value in wanted.items()
        if (name, _folded(name, wanted_value, label)) not in supporting
    }
    if not asserts or not _is_specific(kind, text, operator):
        return None
    doubts = [
        f"{one.fingerprint} gives {one.attribute} {one.value}"
        for key, one in sorted(supporting.items())
        if key[0] in wanted and key not in known
    ]
    yields = {name: held for name, held in groups.items() if name in asserts}
    return Draft(kind, "", "", operator, text, asserts, value, yields, tuple(doubts))


def _name(kind: str, label: dict[str, str], number: int) -> str:
    """An id: kind, product, and a number from the second one on."""
    words = re.sub(
        r"[^a-z0-9]+", "_", " ".join(label.get(name, "") for name in ("vendor", "model", "type")).lower()
    ).strip("_")
    return f"site.{re.sub(r'[^a-z0-9_.]', '_', kind.lower())}.{words or 'device'}" + (
        f"_{number}" if number > 1 else ""
    )


def _folded(attribute: str, value: str, label: dict[str, str]) -> str:
    """A value in a form for comparison: models with and without their vendor in front are equal, regardless of case,
    blanks and hyphens.
    """
    folded = value.casefold()
    if attribute != "model":
        return folded
    return folded.replace(" ", "").replace("-", "").removeprefix(label.get("vendor", "").casefold().replace(" ", ""))


def _of_any_maker(kind: str, supporting: Iterable[Claim]) -> bool:
    """Whether a value is known as that of a standard, or of a program that many vendors use."""
    claims = {(claim.attribute, claim.value) for claim in supporting}
    attributes = {attribute for attribute, _ in claims}
    shared = kind in STANDARD or "software" in attributes or ("type", "iot") in claims
    return shared and bool(claims) and not attributes & {"vendor", "model"}


def _is_specific(kind: str, text: str, operator: str) -> bool:
    """Whether enough of a pattern is plain text."""
    return (
        kind in WHOLE
        or operator == "exact"
        or LETTERS.search(re.sub(r"\(\?P<\w+>[^)]*\)|\[[^\]]*\]|\\.", " ", text)) is not None
    )


def _pattern(kind: str, value: str, label: dict[str, str], mac: int) -> tuple[str, str, dict[str, str]]:
    """(operator, text to match, groups and their values in this text)."""
    if kind in WHOLE:
        return "exact", value, {}
    parts, groups, at = [], {}, 0
    for found in _open_places(label, mac).finditer(value):
        name = str(found.lastgroup)
        if name == "model":
            continue
        if name in groups:
            name = "repeated"
        elif name in ("firmware", "serial"):
            groups[name] = found[0]
        parts += [_plain(value[at : found.start()]), _PLACES[name]]
        at = found.end()
    return ("regex", f"^{''.join(parts)}{_plain(value[at:])}$", groups) if parts else ("exact", value, {})


# Regexes for variable parts.
_PLACES = {
    "firmware": r"(?P<firmware>\w[\w.() -]*)",
    "serial": r"(?P<serial>\w[\w-]*)",
    "repeated": r"\w[\w.() -]*",
    "mac": "[0-9A-Fa-f:.-]{12,17}",
    "uuid": "[0-9A-Fa-f-]{36}",
    "version": r"\d[\w.]*",
    "number": r"\d+",
}


def _open_places(label: dict[str, str], mac: int) -> re.Pattern[str]:
    """Finds parts that are not specific to the product: the label's firmware and serial number, the MAC in any
    notation, versions, addresses and long numbers. A model is kept.
    """
    digits = mac_text(mac).split(":") if mac else ["\0"]
    known = [
        f"(?P<{name}>(?<![A-Za-z0-9]){re.escape(label[name])}(?![A-Za-z0-9]))"
        for name in ("model", "firmware", "serial")
        if label.get(name)
    ]
    shapes = [
        f"(?P<mac>{'[:.-]?'.join(digits)})",
        "(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})",
        r"(?P<version>(?<![0-9.])\d+(?:\.\d+)+\w*)",
        r"(?P<number>\d{6,})",
    ]
    return re.compile("|".join(known + shapes), re.IGNORECASE)


def _plain(text: str) -> str:
    """Text escaped for a regex."""
    return re.sub(r"[\\.^$*+?{}\[\]|()]", r"\\\g<0>", text)
