"""Resolves what a user enters to devices and alerts: id, address, MAC, name, key or detector."""

from __future__ import annotations

from sensor.core.addresses import mac_text, parse_mac, text
from sensor.core.foreign import Record, address_of, part, texts, tidy
from sensor.core.ids import LENGTH, matching, means, short_id
from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.latest import Known

# Shorter prefixes match too many keys and ids.
PREFIX = 4
KIND = "dev-"
# Texts that JSON contains as they are.
_PLAIN = lazy_pattern(r"[A-Za-z0-9_.:|-]+")
_ID = lazy_pattern(rf"[a-z]+-[0-9a-z]{{{LENGTH}}}")


def devices_named(known: Known, what: str) -> list[Record]:
    """Devices with that id or prefix, address, MAC or name. An id prefix applies only if no device has it as a name."""
    named = known.device(what)
    if named is not None:
        return [named]
    if begun := matching(what, known.devices):
        return [known.devices[name] for name in begun]
    mac, lowered = mac_of(what), what.casefold().rstrip(".")
    called = [record for record in known.devices.values() if not handles(record).isdisjoint((mac, lowered))]
    return called or [known.devices[name] for name in known.devices if is_id(what) and name.startswith(what)]


def words_about(known: Known, what: str) -> list[str]:
    """Texts in lower case, of which every record of an alert with that name, or about a device with that name, contains
    one; empty if JSON might escape it.
    """
    if not _PLAIN.fullmatch(what):
        return []
    address, devices = address_of(what), devices_named(known, what)
    # Of an earlier version, the id of an alert is the beginning of the current one; a domain may end with a dot.
    named = [text(address) if address else short_id(what) if _ID.fullmatch(what) else what.rstrip("."), mac_of(what)]
    return [one.lower() for one in (*named, *(tidy(part(one, "device").get("id")) for one in devices)) if one]


def is_id(text: str) -> bool:
    """Whether a word has the form of a device id or its prefix."""
    return text.startswith(KIND)


def handles(record: Record) -> set[str]:
    """All identifiers of a device in lower case: id, host names, addresses and MACs."""
    device = part(record, "device")
    values = [tidy(device.get("id")), tidy(device.get("hostname"))]
    values += [tidy(one) for name in ("ips", "macs", "names") for one in texts(device.get(name))]
    return {value.casefold() for value in values} - {""}


def mac_of(text: str) -> str:
    """A MAC in the notation of records; empty if the text is not a MAC."""
    try:
        return mac_text(parse_mac(text))
    except ValueError:
        return ""


def alerts_named(known: Known, what: str) -> list[Record]:
    """Alerts with that id, key, prefix of either, or detector."""
    found = []
    for record in known.alerts.values():
        alert = part(record, "alert")
        names = [tidy(name) for name in (alert.get("key"), alert.get("id"), record.get("id"))]
        if what in (*names, alert.get("detector")) or (
            len(what) >= PREFIX and any(name.startswith(what) or means(what, name) for name in names)
        ):
            found.append(record)
    return found
