"""The configuration of a network device is copied over TFTP or FTP, or files of a TFTP server are guessed.

Configurations contain passwords, keys and the plan of the network. Devices save backups to an internal server; phones
and switches request the few files that belong to them, and boot loaders their own, which do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import ends_of, place_of
from sensor.dissectors.ftp import FtpFile
from sensor.dissectors.tftp import TftpRead, TftpWrite

MOVES = ("STOR", "RETR")
AGAIN_S = 600
# Configurations of Cisco IOS and NX-OS, Junos, HP, MikroTik and others, by the names of their manuals. Devices read
# network-confg and router-confg without a request when they start.
_CONFIGURATION = lazy_pattern(
    r"(?:^|[/\\:])(?:[\w.-]{0,60}(?:running|startup)[_-]?config[\w.-]{0,40}|[\w.-]{1,60}-confg|config\.text|vlan\.dat|"
    r"juniper\.conf[\w.]{0,8}|[\w.-]{1,60}\.rsc)$",
    re.IGNORECASE,
)
_STARTING = lazy_pattern(r"(?:^|[/\\])(?:network|router|ciscortr|switch|[\w-]{1,60})-confg$|\.cfg$", re.IGNORECASE)
# Files of boot loaders (PXELINUX, GRUB, Raspberry Pi): a host that boots requests dozens of them.
_BOOT = lazy_pattern(
    r"(?:^|[/\\])(?:pxelinux\.cfg|boot|grub2?|overlays)[/\\]|\.(?:0|c32|dat|dtbo?|efi|elf|img|lst|mod)$", re.IGNORECASE
)


class Options(CallOptions):
    """Threshold of guesses."""

    names: int = Field(25, ge=5, description="threshold: files that one client requested of one TFTP server")
    window_s: int = Field(60, ge=5, le=86400, description="time window in seconds")


class DeviceConfiguration(CallDetector):
    """Watches files that are read and written over TFTP and FTP."""

    title = "Configuration of a network device copied"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1602.002", "T1048.003")
    advice = (
        "Ask who manages this device. If the copy was not planned, change the passwords, communities and keys in the "
        "configuration, and find out what made the device send it (SNMP, Smart Install, login)."
    )
    false_positives = (
        "Backups of configurations to an external server; provisioning tests: add the server to `managers`."
    )
    Options = Options
    decisive = {"names": "files"}
    watches = (TftpRead, TftpWrite, FtpFile)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._names: Distinct[tuple[int, int], str] = self.tables.add("names", Distinct(window, PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, AGAIN_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {FtpFile: field("command").is_in(*MOVES) & field("path").matches(_CONFIGURATION)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, TftpRead):
            if not isinstance(event, TftpWrite) and not _BOOT.search(event.file):
                yield from self._guess(event)
            yield from self._copied(event, event.file, "tftp", sends=isinstance(event, TftpWrite))
        elif isinstance(event, FtpFile) and event.command in MOVES:
            yield from self._copied(event, event.path, "ftp", sends=event.command == "STOR")

    def _copied(self, event: Event, name: str, app: str, *, sends: bool) -> Iterator[Alert]:
        if not _CONFIGURATION.search(name) or (not sends and _STARTING.search(name)):
            return
        client, server, _, _ = ends_of(event.packet)
        place = place_of(self.context, server, client)
        if not self._reported.fresh((*pair_of(event.packet), name), event.ts):
            return
        backup = sends and place == "internal"
        why = (
            f"{'wrote' if sends else 'read'} {name[:120]!r} over {app.upper()}",
            f"the server is {place}",
        )
        yield self.call_alert(
            event,
            f"copied a configuration {'to' if sends else 'from'}",
            why,
            key=("copy",),
            severity=Severity.high if place == "external" else Severity.low if backup else Severity.medium,
            confidence=0.6 if backup else 0.8,
            app=app,
        )

    def _guess(self, event: TftpRead) -> Iterator[Alert]:
        pair, want = pair_of(event.packet), self.options
        count = self._names.add(pair, event.file, event.ts)
        if count >= want.names and self._reported.fresh((*pair, ""), event.ts):
            yield self.call_alert(
                event,
                "guessed the names of files on",
                (f"{count} files requested within {want.window_s} s (threshold {want.names})",),
                {"files": count, "threshold": want.names, "window_s": want.window_s},
                key=("guess",),
                severity=Severity.medium,
                confidence=0.8,
                techniques=("T1602.002", "T1083", "T1595.003"),
                app="tftp",
            )
