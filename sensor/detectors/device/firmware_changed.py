"""A device runs another firmware version: newer, older, or one that cannot be compared.

Two trusted observations of the same kind are compared, so that different notations of two protocols are not a change. A
firmware download of the device shortly before is mentioned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context, DeviceDetector, EventDetector
from sensor.core.device import Attribute, DeviceChange
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.time_units import HOUR, SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.devices import OfDevices, called, set_by_operator
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.tftp import TftpRead

DEVICES_LIMIT, TRANSFERS_LIMIT = 8192, 1024
# Names of firmware images: extensions, or words in the name.
IMAGE = lazy_pattern(
    r"(?:\.(?:bin|img|fw|rom|dfu|upd|swu|pkg|dlf|loads|sbn|rfu|hdr|dav|chk|trx|zip|tar|tgz|gz)|"
    r"firmware|upgrade)[^/]{0,64}$",
    re.IGNORECASE,
)
UPGRADE, DOWNGRADE, OTHER = "upgrade", "downgrade", "change"


class Options(detector.Options):
    """Which observations are trusted."""

    settled_h: float = Field(1, ge=0, le=720, description="learning period: hours a device must be known")
    confidence: float = Field(0.5, ge=0, le=1, description="minimum confidence of a version")
    transfer_s: int = Field(
        3600, ge=60, le=86400, description="seconds before the change in which a download is considered as its cause"
    )


class Version(NamedTuple):
    """A version, and the kinds of observations that contained it."""

    text: str
    kinds: frozenset[str]


class FirmwareChanged(OfDevices, EventDetector, DeviceDetector):
    """Watches versions, and files that devices download."""

    title = "Firmware version changed"
    severity = Severity.low
    techniques = ("T1601",)
    advice = (
        "Compare with planned maintenance. A downgrade reintroduces fixed vulnerabilities: install the vendor's latest "
        "version, and review access to the device's administration."
    )
    false_positives = "Automatic updates, a device replaced by the same model, unusual version numbers."
    Options = Options
    watches = (TftpRead, HttpRequest, FtpFile)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._known: Bounded[str, Version] = self.tables.add("known", Bounded(DEVICES_LIMIT))
        self._fetched: Bounded[int, tuple[int, str, Subject]] = self.tables.add("fetched", Bounded(TRANSFERS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        image = field("path").passes(_is_image)
        return {HttpRequest: image, FtpFile: image, TftpRead: field("file").passes(_is_image)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, name = event.packet, ""
        if isinstance(event, HttpRequest | FtpFile):
            name = event.path
        elif isinstance(event, TftpRead):
            name = event.file
        if _is_image(name):
            self._fetched.put(packet.src, (event.ts, name, Subject(packet.dst_mac, packet.dst, packet.vlan)))
        return iter(())

    def review(self, change: DeviceChange) -> Iterator[Alert]:
        attribute = change.device.attributes.get("firmware")
        if (
            attribute is None
            or attribute.contested
            or attribute.confidence < self.options.confidence
            or set_by_operator(attribute.evidence)
        ):
            return
        before = self._known.get(change.device.id)
        now = Version(attribute.value, frozenset(one.kind for one in attribute.evidence))
        self._known.put(change.device.id, now)
        old = next(
            (one.old for one in change.changes if one.field == "firmware" and one.old), before.text if before else ""
        )
        if not old or not self._is_change(change, attribute, old, before):
            return
        yield self._alert(change, old, now.text)

    def _is_change(self, change: DeviceChange, attribute: Attribute, old: str, before: Version | None) -> bool:
        """Whether it is another, later version from the same kind of observation, and not a longer or shorter form."""
        if before is not None and not any(one.kind in before.kinds for one in attribute.evidence):
            return False
        late = min(one.first for one in attribute.evidence) >= change.device.first + int(self.options.settled_h * HOUR)
        one, other = _plain(old), _plain(attribute.value)
        return late and not one.startswith(other) and not other.startswith(one)

    def _alert(self, change: DeviceChange, old: str, new: str) -> Alert:
        device, way = change.device, direction(old, new)
        fetched = next(
            (
                found
                for address in device.addresses
                if (found := self._fetched.get(address)) and self._is_recent(found[0], change.ts)
            ),
            None,
        )
        why = [
            f"the version was {old} and is {new}"
            + (f", {'newer' if way == UPGRADE else 'older'}" if way != OTHER else "")
        ]
        if fetched:
            why.append(
                f"it downloaded {fetched[1]} from {addresses.text(fetched[2].address)} "
                f"{(change.ts - fetched[0]) // SECOND} s before"
            )
        else:
            why.append("no firmware download was seen")
        return self.device_alert(
            change,
            device,
            new,
            target=fetched[2] if fetched else None,
            summary=f"firmware {way} of {called(device)}: {old} → {new}",
            why=why,
            numbers={"old": old, "new": new, "direction": way, "threshold": 1},
            severity=Severity.medium if way == DOWNGRADE else self.severity,
            confidence=round(min(0.9, device.attributes["firmware"].confidence), 2),
            techniques=("T1601.002",) if way == DOWNGRADE else None,
        )

    def _is_recent(self, ts: int, now: int) -> bool:
        return 0 <= now - ts <= int(self.options.transfer_s) * SECOND


def direction(old: str, new: str) -> str:
    """``upgrade`` or ``downgrade`` if both have the same notation and differ in numbers, otherwise ``change``."""
    one, other = (re.split(r"(\d+)", text.strip().casefold()) for text in (old, new))
    if one[::2] != other[::2] or len(one) < 3:
        return OTHER
    before, after = (tuple(map(int, parts[1::2])) for parts in (one, other))
    return UPGRADE if after > before else DOWNGRADE if after < before else OTHER


def _plain(version: str) -> str:
    """A version without the vendor's prefix and suffix."""
    return re.sub(r"[\s_]+", "", version.casefold()).removeprefix("version").removeprefix("v")


def _is_image(name: str) -> bool:
    return IMAGE.search(name.partition("?")[0]) is not None
