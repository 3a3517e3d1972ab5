"""Mutes: alerts that the operator suppresses until a given time, with author and reason. Written in YAML
(``mutes.yaml`` in the state folder).

A finding is muted if it matches all fields of a mute: detector, source, targets, port, the source's type, VLAN, hours
of the day. It then raises no alert; it is counted, and written to a separate log with the mute that suppressed it, so
that every mute can be reviewed. Expiry uses packet time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from sensor.core import addresses
from sensor.core.alert import Alert
from sensor.core.device import TYPES, Device
from sensor.core.ids import means
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Check, Field, Model
from sensor.core.observation import Subject
from sensor.core.reader import clean
from sensor.core.time_units import SECOND
from sensor.documents import Moment, each_once, load_document, write_entries

FILE = "mutes.yaml"
HEADING = (
    "# Mutes: alerts that the sensor suppresses. `sensor mute` writes this file; you may edit it. Times are UTC.\n"
)
TEXT_LIMIT = 256
NAMING = ("src", "dst", "port", "type", "vlan")

_HOURS = lazy_pattern(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


class FindingEndpoint(NamedTuple):
    """One endpoint of a finding, with all its identifiers: address and MAC as integers (0: unknown), device id, names
    and type.
    """

    address: int = 0
    mac: int = 0
    device: str = ""
    names: tuple[str, ...] = ()
    type: str = ""


class Finding(NamedTuple):
    """The fields of a finding that mutes are matched with. ``ts``: ns."""

    ts: int
    detector: str
    source: FindingEndpoint
    targets: tuple[FindingEndpoint, ...]
    port: int
    vlan: int


def _clock(hours: str) -> str:
    if hours and not _HOURS.fullmatch(hours):
        raise ValueError(f"found {hours!r}, expected hours of the day (UTC) such as 22:00-06:00")
    return hours


def _end(end: str) -> str:
    if "/" in end:
        addresses.parse_network(end)
    return end


class Mute(Model):
    """One mute. Empty fields match everything; ``src`` and ``dst`` are an address, a CIDR block, a MAC, a device id or
    a host name (``*`` and ``?`` as in file names).
    """

    id: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    detector: str = Field("*", min_length=1, max_length=TEXT_LIMIT)
    src: Annotated[str, Check(_end)] = Field("", max_length=TEXT_LIMIT)
    dst: Annotated[str, Check(_end)] = Field("", max_length=TEXT_LIMIT)
    port: int | None = Field(None, ge=1, le=65535)
    type: Literal[("", *TYPES)] = ""  # type: ignore[valid-type]
    vlan: int | None = Field(None, ge=1, le=4095)
    hours: Annotated[str, Check(_clock)] = ""
    author: str = Field(min_length=1, max_length=TEXT_LIMIT)
    reason: str = Field(min_length=1, max_length=TEXT_LIMIT)
    created: Moment = ""
    expires: Moment = ""

    def check_whole(self, context: Any) -> None:
        if self.detector.strip("*?.") == "" and not any(getattr(self, name) for name in NAMING):
            raise ValueError(
                f"the mute {self.id} would suppress all alerts, expected a detector or one of {', '.join(NAMING)}"
            )

    @property
    def scope(self) -> str:
        """What it suppresses, as text."""
        parts = [self.detector if self.detector != "*" else "everything"]
        parts += [
            f"{word} {value}"
            for word, value in (("from", self.src), ("from any", self.type), ("to", self.dst), ("at port", self.port))
            if value
        ]
        parts += [f"in VLAN {self.vlan}"] if self.vlan else []
        return " ".join(parts) + (f" from {self.hours.replace('-', ' to ')} UTC" if self.hours else "")


def _each_once(mutes: list[Mute]) -> list[Mute]:
    each_once([mute.id for mute in mutes], "the id")
    return mutes


class Document(Model):
    """The file of mutes."""

    mutes: Annotated[list[Mute], Check(_each_once)] = []


class Mutes:
    """All mutes, compiled. ``counts``: suppressed findings by mute."""

    def __init__(self, mutes: Iterable[Mute] = (), counts: Mapping[str, int] | None = None) -> None:
        """``counts``: counts of the previous mutes, if the file was read again."""
        self.mutes = tuple(mutes)
        self.counts = {mute.id: (counts or {}).get(mute.id, 0) for mute in self.mutes}
        self._fits = [(mute, _fit(mute)) for mute in self.mutes]

    def __len__(self) -> int:
        return len(self.mutes)

    def match(self, finding: Finding) -> Mute | None:
        """The first mute that matches a finding."""
        return next((mute for mute, fits in self._fits if fits(finding)), None)

    def silence(self, alert: Alert, device: Callable[[Subject], Device | None]) -> Mute | None:
        """The mute that suppresses an alert, counted."""
        if not self.mutes:
            return None
        mute = self.match(finding_of(alert, device))
        if mute is not None:
            self.counts[mute.id] += 1
        return mute


def finding_of(alert: Alert, device: Callable[[Subject], Device | None]) -> Finding:
    """The fields of an alert that mutes are matched with."""
    vlan = alert.actor.vlan or int(alert.network.get("vlan") or 0)
    return Finding(
        alert.ts,
        alert.detector,
        _party(alert.actor, device),
        tuple(_party(target, device) for target in alert.targets),
        alert.target_port,
        vlan,
    )


def finding_of_record(record: Mapping[str, Any]) -> Finding | None:
    """The fields of an event log record that mutes are matched with; None if it is no alert."""
    alert, network = record.get("alert"), record.get("network")
    if not isinstance(alert, dict):
        return None
    targets = [end for end in record.get("targets") or () if isinstance(end, dict)]
    try:
        ts = int(datetime.fromisoformat(str(alert.get("last") or record.get("ts"))).timestamp() * SECOND)
        source, others = _party_of_record(record.get("src")), tuple(map(_party_of_record, targets))
    except ValueError:
        return None
    vlan = network.get("vlan") if isinstance(network, dict) else 0
    dst = record.get("dst")
    port = dst.get("port") if isinstance(dst, dict) else 0
    numbers = (value if isinstance(value, int) else 0 for value in (port, vlan))
    return Finding(ts, str(alert.get("detector")), source, others, *numbers)


def load_mutes(path: Path) -> list[Mute]:
    """The mutes of a file; none if there is no file. Raises DocumentErrors with all errors of the file."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        pass  # reading it reports the reason
    return load_document(path, Document).mutes


def load_shared_mutes(path: Path) -> list[Mute]:
    """The mutes of a shared file beside that of the operator. Their ids are prefixed with the name of the folder, to
    keep them distinct. Raises DocumentErrors.
    """
    return [mute.model_copy(update={"id": f"{path.parent.name}.{mute.id}"}) for mute in load_mutes(path)]


def save_mutes(path: Path, mutes: Iterable[Mute]) -> None:
    """Write the whole file atomically. Raises OSError if it cannot be written; the old file then stays."""
    entries = [
        {
            name: value
            for name, value in mute.model_dump().items()
            if value not in (None, "") and (name, value) != ("detector", "*")
        }
        for mute in mutes
    ]
    write_entries(path, HEADING, "mutes", entries)


# Matching.


def _fit(mute: Mute) -> Callable[[Finding], bool]:
    """All conditions of a mute as one predicate."""
    source, target, end = _names(mute.src), _names(mute.dst), _ns(mute.expires)

    def fits(finding: Finding) -> bool:
        return (
            fnmatchcase(finding.detector, mute.detector)
            and (end is None or finding.ts < end)
            and (mute.port is None or finding.port == mute.port)
            and (mute.vlan is None or finding.vlan == mute.vlan)
            and (not mute.type or finding.source.type == mute.type)
            and (not mute.src or source(finding.source))
            # All targets must match: an attack that also has other targets is reported.
            and (not mute.dst or (bool(finding.targets) and all(map(target, finding.targets))))
            and (not mute.hours or _within(mute.hours, finding.ts))
        )

    return fits


def _names(end: str) -> Callable[[FindingEndpoint], bool]:
    """A predicate for endpoints that match ``end``."""
    try:
        if "/" in end:
            first, last = addresses.parse_network(end)
            return lambda party: first <= party.address <= last
        address = addresses.parse(end)
    except ValueError:
        pass
    else:
        return lambda party: party.address == address
    try:
        mac = addresses.parse_mac(end)
    except ValueError:
        name = end.casefold()
        return lambda party: means(end, party.device) or any(fnmatchcase(one.casefold(), name) for one in party.names)
    return lambda party: party.mac == mac


def _within(hours: str, ts: int) -> bool:
    """Whether a time of day (UTC) is within ``22:00-06:00``, end excluded."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        return False
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    minute = ts // (60 * SECOND) % 1440
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _ns(moment: str) -> int | None:
    if not moment:
        return None
    found = datetime.fromisoformat(moment)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * SECOND)


def _party(subject: Subject, device: Callable[[Subject], Device | None]) -> FindingEndpoint:
    known = device(subject)
    if known is None:
        return FindingEndpoint(subject.address, subject.mac)
    return FindingEndpoint(subject.address, subject.mac, known.id, tuple(known.names), known.type)


def _party_of_record(end: Any) -> FindingEndpoint:
    """An endpoint of a record. Raises ValueError if its addresses are invalid."""
    if not isinstance(end, dict):
        return FindingEndpoint()
    ip, mac, name = (str(end.get(key) or "") for key in ("ip", "mac", "hostname"))
    return FindingEndpoint(
        addresses.parse(ip) if ip else 0,
        addresses.parse_mac(mac) if mac else 0,
        str(end.get("device") or ""),
        (clean(name, TEXT_LIMIT),) if name else (),
        str(end.get("type") or ""),
    )
