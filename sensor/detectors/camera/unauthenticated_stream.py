"""A camera streams video without authentication to a host in another segment or on the internet.

The alert is raised at the answer to DESCRIBE, SETUP or PLAY. A client that authenticated once on the connection, or in
the URL, is ignored. Traffic between players (AirPlay, Miracast) is ignored, and a recorder in another segment is the
usual reader. A server that is not known as a camera may be a media server: its severity is lower.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.observation import Subject
from sensor.core.time_units import DAY
from sensor.core.type_labels import a_type
from sensor.core.wants import Want, held
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import ends_of
from sensor.dissectors.rtsp import RtspRequest, RtspResponse

OPEN_LIMIT, REPORTED_LIMIT = 2048, 4096
WATCHING = ("DESCRIBE", "PLAY")
OK = 200
# The dissector masks secrets in URLs with asterisks.
STARS = "***"
PLAYERS = frozenset("tv media_player speaker conferencing game_console mobile tablet workstation".split())
CAMERAS = frozenset("camera nvr intercom".split())
READERS = frozenset(("nvr", "server", "nas"))


class Session(msgspec.Struct):
    """A connection: last request and its number, path, and whether the client ever authenticated."""

    method: str = ""
    cseq: int = -1
    uri: str = ""
    proved: bool = False

    def granted_by(self, answer: RtspResponse) -> bool:
        """Whether an answer grants the stream to a client that sent no credentials."""
        return not self.proved and answer.status == OK and self.method in WATCHING and self.cseq == answer.cseq


class UnauthenticatedStream(CallDetector):
    """Watches RTSP requests and their answers, by connection."""

    title = "Camera stream without authentication"
    severity = Severity.medium
    weighs_itself = True
    techniques = ("T1125",)
    advice = (
        "Set a password on the camera and disable anonymous streams. Allow only the recorder to reach "
        "the camera's segment. Identify the viewer."
    )
    false_positives = "A recorder or video wall in another segment: add it to `managers`. Intentionally public streams."
    Options = CallOptions
    watches = (RtspRequest, RtspResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._open: Bounded[int, Session] = self.tables.add("open", Bounded(OPEN_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(REPORTED_LIMIT, DAY))

    def wants(self) -> dict[type[Event], Want]:
        return {RtspResponse: held(self._open, "packet.flow")}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RtspRequest):
            session = self._open.get(event.packet.flow)
            if session is None:
                session = Session()
                self._open.put(event.packet.flow, session)
            session.method, session.cseq, session.uri = event.method, event.cseq, event.uri
            session.proved |= bool(event.credentials) or STARS in event.uri
        elif isinstance(event, RtspResponse):
            yield from self._answered(event)

    def _answered(self, event: RtspResponse) -> Iterator[Alert]:
        session, packet = self._open.get(event.packet.flow), event.packet
        if session is None or not session.granted_by(event):
            return
        if not self._may_be_camera(packet.src, ends_of(packet, answer=True).target):
            return
        inside = self.context.networks.inside(packet.dst)
        near, far = addresses.segment(packet.src), addresses.segment(packet.dst)
        if near == far or not self._reported.fresh((packet.dst, packet.src), packet.ts):
            return
        ends = ends_of(packet, answer=True)
        reader, camera = self.context.device(ends.actor), self.context.device(ends.target)
        usual, sure = reader is not None and reader.type in READERS, camera is not None and camera.type in CAMERAS
        why = (
            (
                f"{'the camera' if sure else 'a possible camera'} answered {session.method} with {event.status} "
                "without credentials from the client"
            ),
            f"the client is in {far}, the camera in {near}" if inside else "the client is external",
            *([f"{a_type(reader.type)} usually reads camera streams"] if usual and reader is not None else []),
        )
        used = (
            self.context.baseline.first_use(ends.actor, ends.target, packet.proto << 16 | packet.sport) if inside else 0
        )
        if learned := 0 < used <= packet.ts - DAY:
            why += ("the pair has done so for more than a day: a weakness of the camera, not an attack",)
        grade = Severity(Severity.medium + (not inside) - (usual or learned or not sure))
        numbers: dict[str, int | float | str] = {"method": session.method, "uri": session.uri[:200], "threshold": 1}
        alert = self.call_alert(
            event, "watches", why, numbers, rest=" without a password", severity=grade, confidence=0.85,
            answer=True, app="rtsp",
        )  # fmt: skip
        if inside:  # a recorder reads many cameras, and is one finding
            alert.key = f"{self.id}|{ends.actor.address}"
        yield alert

    def _may_be_camera(self, address: int, target: Subject) -> bool:
        """Internal, and not known as a media player."""
        if not self.context.networks.inside(address):
            return False
        device = self.context.device(target)
        return device is None or device.type not in PLAYERS
