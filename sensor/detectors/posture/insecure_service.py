"""A service that protects nothing, or not enough, is in use: Telnet, FTP, TFTP, passwords over plain HTTP, SNMP before version 3, SMB 1, TLS before 1.2,
certificates that nobody can rely on, and desktops, streams and brokers that ask for no password.

This is work to be handed out, no attack: it is told once a device and setting, as info, whoever uses it, and only where somebody switches it on. Told are
devices inside. Whose password was seen is told by credential_access.cleartext_credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.wants import Want
from sensor.detectors._insecure import SHOWING, Insecure, Shown
from sensor.detectors._words import ends_of, network_of_packet, who

SECOND = 1_000_000_000
TOLD_LIMIT = 16384
# Players stream to each other by RTSP (AirPlay, Miracast): that is what they are for.
PLAYERS = frozenset("tv media_player speaker conferencing game_console mobile tablet workstation".split())


class Options(detector.Options):
    """How often it is told, and of what not."""

    enabled: bool = Field(False, description="off unless switched on: it is no attack, but work to be handed out")
    every_s: int = Field(86400, ge=60, le=604800, description="seconds until the same setting of the same device is told again")
    accepted: tuple[str, ...] = Field((), description="settings that are known and borne here, by the word in the alert's numbers: certificate_self_signed")


class InsecureService(EventDetector):
    """Watches what shows a setting that should be another."""

    title = "Insecure service in use"
    severity = Severity.info
    weighs_itself = True
    techniques = ()
    advice = (
        "Switch the service off, or over to its protected form: SSH, SFTP, HTTPS, SNMP version 3, SMB 2 or later, TLS 1.2 or later with a certificate that "
        "your machines can check, and a password for desktops, streams and brokers. Where the device has none, keep it in a network of its own."
    )
    false_positives = "None about the fact; in a network of its own the risk may be known and taken: name the setting in accepted."
    Options = Options
    watches = SHOWING

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._insecure = Insecure()
        self._accepted = frozenset(self.options.accepted)
        self._told: Recent[tuple[int, str]] = Recent(TOLD_LIMIT, self.options.every_s * SECOND)

    def wants(self) -> dict[type[Event], Want]:
        return self._insecure.wants()

    def inspect(self, event: Event) -> Iterator[Alert]:
        shown = self._insecure.read(event)
        if shown is None or not shown.setting or shown.setting in self._accepted:
            return
        packet = event.packet
        server = packet.dst if shown.asked else packet.src
        if not addresses.is_host(server) or not self.context.networks.inside(server) or self._plays(event, shown):
            return
        if self._told.fresh((server, shown.setting), event.ts):
            yield self._found(event, shown)

    def _plays(self, event: Event, shown: Shown) -> bool:
        """Whether a stream is one between players."""
        if shown.setting != "rtsp_open":
            return False
        device = self.context.device(ends_of(event.packet, answer=True).target)
        return device is not None and device.type in PLAYERS

    def _found(self, event: Event, shown: Shown) -> Alert:
        client, server, near, far = ends_of(event.packet, answer=not shown.asked)
        return self.alert(
            event,
            actor=server,
            target=client,
            summary=f"{who(self.context, server)} {shown.does}",
            why=(shown.why, f"{who(self.context, client)} was at the other end"),
            numbers={"setting": shown.setting, "port": far, "seen": 1, "threshold": 1},
            key=(shown.setting,),
            actor_port=far,
            target_port=near,
            network=network_of_packet(self.context, event.packet, shown.app, answer=not shown.asked),
        )
