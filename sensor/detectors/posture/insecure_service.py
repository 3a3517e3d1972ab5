"""An insecure service is in use: Telnet, FTP, TFTP, passwords over plain HTTP, SNMP before version 3, SMB 1, TLS before
1.2, invalid certificates, and desktops, streams, brokers and databases without a password.

This is hardening work rather than an attack: reported once per device and setting, as info, and only if enabled. Only
internal devices are reported. Captured passwords are reported by ``credential_access.cleartext_credentials``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.detectors.shared.insecure import SHOWING, Insecure, InsecureSetting

REPORTED_LIMIT = 16384
# Players stream to each other by RTSP (AirPlay, Miracast): that is their function.
PLAYERS = frozenset("tv media_player speaker conferencing game_console mobile tablet workstation".split())


class Options(detector.Options):
    """How often it is reported, and which settings are accepted."""

    enabled: bool = Field(False, description="disabled by default: a weakness rather than an attack")
    every_s: int = Field(
        86400, ge=60, le=604800, description="seconds until the same setting of the same device may be reported again"
    )
    accepted: tuple[str, ...] = Field(
        (), description="accepted settings, by their name in the alert's numbers: certificate_self_signed"
    )


class InsecureService(EventDetector):
    """Watches messages that show an insecure setting."""

    title = "Insecure service in use"
    severity = Severity.info
    adjusts_severity = True
    techniques = ()
    advice = (
        "Disable the service, or replace it with a secure one: SSH, SFTP, HTTPS, SNMPv3, SMB 2 or later, TLS 1.2 or "
        "later with a valid certificate, and a password for desktops, streams, brokers and databases. If the device "
        "has none, put it into its own network."
    )
    false_positives = "None; in an isolated network the risk may be accepted: add the setting to `accepted`."
    Options = Options
    watches = SHOWING

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._insecure = self.tables.include("insecure", Insecure())
        self._accepted = frozenset(self.options.accepted)
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.every_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return self._insecure.wants()

    def inspect(self, event: Event) -> Iterator[Alert]:
        shown = self._insecure.read(event)
        if shown is None or not shown.setting or shown.setting in self._accepted:
            return
        packet = event.packet
        server = packet.dst if shown.requested else packet.src
        if not addresses.is_host(server) or not self.context.networks.inside(server) or self._plays(event, shown):
            return
        if self._reported.fresh((server, shown.setting), event.ts):
            yield self._found(event, shown)

    def _plays(self, event: Event, shown: InsecureSetting) -> bool:
        """Whether it is a stream between players."""
        if shown.setting != "rtsp_open":
            return False
        device = self.context.device(ends_of(event.packet, answer=True).target)
        return device is not None and device.type in PLAYERS

    def _found(self, event: Event, shown: InsecureSetting) -> Alert:
        client, server, near, far = ends_of(event.packet, answer=not shown.requested)
        return self.alert(
            event,
            actor=server,
            target=client,
            summary=f"{who(self.context, server)} {shown.does}",
            why=(shown.why, f"{who(self.context, client)} was the client"),
            numbers={"setting": shown.setting, "port": far, "seen": 1, "threshold": 1},
            key=(shown.setting,),
            actor_port=far,
            target_port=near,
            network=network_of_packet(self.context, event.packet, shown.app, answer=not shown.requested),
        )
