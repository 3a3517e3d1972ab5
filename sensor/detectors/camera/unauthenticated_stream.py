"""A camera streams video without authentication to a host in another segment or on the internet.

The alert is raised at the answer to DESCRIBE, SETUP or PLAY. A client that authenticated once on the connection, or in
the URL, is ignored. Traffic between players (AirPlay, Miracast) is ignored, and a recorder in another segment is the
usual reader. A server that is not known as a camera may be a media server: its severity is lower. PLAY contains the
session that the camera assigned (RFC 2326, 10.5): in a capture of the client's packets only, it proves that the camera
granted SETUP, with lower severity.
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
from sensor.detectors.shared.hosts import Numbers, ends_of, is_external
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
    adjusts_severity = True
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
            continues = session.method == "SETUP" and event.method == "PLAY"
            session.method, session.cseq, session.uri = event.method, event.cseq, event.uri
            session.proved |= bool(event.credentials) or STARS in event.uri
            if continues and event.packet.one_sided and not session.proved:
                yield from self._granted(event, session, "assigned a session, with which the client continued (PLAY)")
        elif isinstance(event, RtspResponse):
            session = self._open.get(event.packet.flow)
            if session is not None and session.granted_by(event):
                yield from self._granted(event, session, f"answered {session.method} with {event.status}")

    def _granted(self, event: RtspRequest | RtspResponse, session: Session, how: str) -> Iterator[Alert]:
        packet, answer = event.packet, isinstance(event, RtspResponse)
        ends = ends_of(packet, answer=answer)
        if not self._may_be_camera(ends.actor, ends.target):
            return
        inside = not is_external(self.context, ends.actor, ends.target)
        near, far = addresses.segment(ends.target.address), addresses.segment(ends.actor.address)
        if near == far or not self._reported.fresh((ends.actor.address, ends.target.address), packet.ts):
            return
        reader, camera = self.context.device(ends.actor), self.context.device(ends.target)
        usual, sure = reader is not None and reader.type in READERS, camera is not None and camera.type in CAMERAS
        why = (
            f"{'the camera' if sure else 'a possible camera'} {how}, and the client sent no credentials",
            f"the client is in {far}, the camera in {near}" if inside else "the client is external",
            *([f"{a_type(reader.type)} usually reads camera streams"] if usual and reader is not None else []),
        )
        used = self.context.baseline.first_use(ends.actor, ends.target, packet.proto << 16 | ends.target_port)
        if learned := inside and 0 < used <= packet.ts - DAY:
            why += ("the pair has done so for more than a day: a weakness of the camera, not an attack",)
        grade = Severity.medium if inside else Severity.high
        if usual or learned or not sure or not answer:
            grade = Severity(grade - 1)
        numbers: Numbers = {"method": session.method, "uri": session.uri[:200], "threshold": 1}
        alert = self.call_alert(
            event, "watches", why, numbers, rest=" without a password", severity=grade,
            confidence=0.85 if answer else 0.6, answer=answer, app="rtsp",
        )  # fmt: skip
        if inside:  # a recorder reads many cameras, and is one finding
            alert.key = f"{self.id}|{ends.actor.address}"
        yield alert

    def _may_be_camera(self, actor: Subject, target: Subject) -> bool:
        """Internal, and not known as a media player; or known as a camera, if neither end is in a configured
        network.
        """
        kind = device.type if (device := self.context.device(target)) is not None else ""
        if self.context.networks.inside(target.address):
            return kind not in PLAYERS
        return kind in CAMERAS and not self.context.networks.inside(actor.address)
