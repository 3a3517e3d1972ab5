"""Filters of ``sensor tail``, and its notation of times."""

from __future__ import annotations

import argparse
import ipaddress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from sensor.cli._codes import USAGE, Exit
from sensor.cli._show import Record, level, part, tidy, vlan_number
from sensor.cli._times import moment_of
from sensor.core.ids import means
from sensor.core.severities import SEVERITIES

KINDS = ("device", "alert", "incident", "recommendation", "sensor")
RECORDS = ("conn", "dns", "http", "tls", "auth", "ssh", "smb", "rpc", "sip", "rtsp", "snmp", "dhcp", "files")
"""Tables of traffic records that can be followed (sensor.records.schema.TRAFFIC, which is not imported for this)."""

NAMES = ("ip", "mac", "device", "hostname")
"""Identifiers of an end."""


def add_filter_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=time_or_span,
        help="only events since then: a span such as 90s, 15m, 1h or 2d, or a time such as 2026-11-24T09:00 (UTC)",
    )
    parser.add_argument(
        "--kind",
        metavar="KIND",
        action="extend",
        default=[],
        type=kinds,
        help=(
            f"only these kinds, separated by commas; may be repeated: {', '.join(KINDS)}; or traffic records: "
            f"{', '.join(RECORDS)}"
        ),
    )
    parser.add_argument("--severity", choices=SEVERITIES, default=SEVERITIES[0], help="only this severity or higher")
    parser.add_argument(
        "--detector", metavar="GLOB", type=detector_glob, help="only alerts of detectors whose name matches"
    )
    parser.add_argument(
        "--src", metavar="HOST", type=EndFilter, help="only events from this address, network, MAC, device name or id"
    )
    parser.add_argument(
        "--dst", metavar="HOST", type=EndFilter, help="only events to it; any target of an alert matches"
    )
    parser.add_argument(
        "--device", metavar="HOST", type=EndFilter, help="only events about this device, as source or destination too"
    )
    parser.add_argument("--vlan", metavar="NUMBER", type=vlan_number, help="only devices and flows in this VLAN")


def kinds(text: str) -> list[str]:
    """Kinds of events, or of records. Raises ArgumentTypeError for an unknown kind, or a mixture."""
    found = text.split(",")
    known = RECORDS if found[0] in RECORDS else KINDS
    for word in found:
        if word not in known:
            raise argparse.ArgumentTypeError(
                f"found {word!r}, expected one of {', '.join((*KINDS, *RECORDS))}; events and records cannot be mixed"
            )
    return found


def detector_glob(text: str) -> str:
    """A name or pattern that matches a detection. Raises ArgumentTypeError for any other."""
    from sensor.views.errors import Unknown
    from sensor.views.known_values import check_detectors

    try:
        check_detectors([text])
    except Unknown as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("detector: ")) from None
    return text


def time_or_span(text: str) -> str:
    """The text, which ``moment`` can read when the dataset is known. Raises ArgumentTypeError otherwise."""
    moment(text)
    return text


def moment(text: str, now: datetime | None = None) -> str:
    """A time in the format of records: an age, or a day or time in ISO 8601, UTC if it has no zone. Raises
    ArgumentTypeError otherwise.
    """
    found = moment_of(text, (now or datetime.now(UTC)).timestamp())
    if not found:
        raise argparse.ArgumentTypeError(
            f"found {text!r}, expected a span such as 90s, 15m, 1h or 2d, or a time such as 2026-11-24T09:00"
        )
    return found


def check_order(args: argparse.Namespace, since: int | None, until: int | None) -> None:
    """Raises Exit if the span of --since and --until, in the same unit, is empty."""
    if since is not None and until is not None and since >= until:
        raise Exit(
            USAGE,
            f"found --since {args.since} and --until {args.until}, expected a start before the end",
            error="usage.invalid-value",
        )


class EndFilter:
    """A filter for one end of a flow or a device."""

    def __init__(self, word: str) -> None:
        self.word = word.casefold()
        self.network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
        try:
            self.network = ipaddress.ip_network(word, strict=False)
        except ValueError:
            self.network = None

    def is_one_of(self, values: list[Any]) -> bool:
        """Whether one of the values matches: the same text, or an address in the network."""
        return any(
            isinstance(value, str) and (value.casefold() == self.word or self._has(value) or means(self.word, value))
            for value in values
        )

    def is_end(self, end: Any) -> bool:
        """Whether an end of a flow matches."""
        return isinstance(end, dict) and self.is_one_of([end.get(name) for name in NAMES])

    def is_device(self, device: Record) -> bool:
        """Whether a device matches."""
        lists = (device.get(name) for name in ("ips", "macs"))
        return self.is_one_of(
            [
                device.get("id"),
                device.get("hostname"),
                *(one for some in lists if isinstance(some, list) for one in some),
            ]
        )

    def _has(self, value: str) -> bool:
        if self.network is None:
            return False
        try:
            return ipaddress.ip_address(value) in self.network
        except ValueError:
            return False


def wanted(record: Record, args: argparse.Namespace) -> bool:
    """Whether a record passes all filters."""
    if args.kind and record.get("kind") not in args.kind:
        return False
    if level(record) < SEVERITIES.index(args.severity) or (args.since and record["ts"] < args.since):
        return False
    if args.detector and not fnmatchcase(tidy(part(record, "alert").get("detector")), args.detector):
        return False
    if args.vlan is not None and args.vlan not in (
        part(record, "device").get("vlan"),
        part(record, "network").get("vlan"),
    ):
        return False
    return _parties(record, args)


def _parties(record: Record, args: argparse.Namespace) -> bool:
    targets = record.get("targets")
    sources, others = [record.get("src")], [record.get("dst"), *(targets if isinstance(targets, list) else [])]
    if args.src and not any(map(args.src.is_end, sources)):
        return False
    if args.dst and not any(map(args.dst.is_end, others)):
        return False
    return (
        not args.device
        or args.device.is_device(part(record, "device"))
        or any(map(args.device.is_end, [*sources, *others]))
    )
