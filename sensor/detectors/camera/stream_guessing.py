"""The path of a camera's stream is guessed: one client requests many paths over RTSP that the camera does not have.

Tools try lists of the paths of all vendors. A recorder knows the paths of its cameras, one for each channel; a player
that is not configured for the model tries a few. A camera that requires a password rejects all paths in the same way:
then the threshold is doubled, paths that differ only in digits count once, and only clients without a password count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, held
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.dissectors.rtsp import RtspRequest, RtspResponse

OPEN_LIMIT = 2048
DESCRIBE = "DESCRIBE"
# Answers that the path does not exist, as cameras give them (RFC 2326, 7.1.1).
MISSING = (400, 404, 410, 415, 451, 454)
NO_PASSWORD = 401
_DIGITS = lazy_pattern(r"\d+")


class Options(CallOptions):
    """When missing paths are guesses."""

    paths: int = Field(
        10,
        ge=3,
        le=64,
        description="threshold: paths that do not exist, requested of one server; twice as many that need a password",
    )
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")


class StreamGuessing(CallDetector):
    """Watches requests for descriptions of streams, and their answers."""

    title = "Camera stream path guessing (RTSP)"
    severity = Severity.medium
    techniques = ("T1595.003", "T1046")
    advice = (
        "Find out which program on the source looks for streams. Check whether a path was found, set a password on the "
        "camera, and allow only the recorder to reach it."
    )
    false_positives = "An inventory of cameras, or a recorder that detects their models: add it to `managers`."
    decisive = {"paths": "paths"}
    Options = Options
    watches = (RtspRequest, RtspResponse)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._open: Bounded[int, str] = self.tables.add("open", Bounded(OPEN_LIMIT))
        self._paths: Distinct[tuple[int, int], str] = self.tables.add("paths", Distinct(window, PAIRS_LIMIT))
        self._refused: Distinct[tuple[int, int], str] = self.tables.add("refused", Distinct(window, PAIRS_LIMIT))
        # Clients and servers with a password.
        self._authenticated: Bounded[tuple[int, int], bool] = self.tables.add("entitled", Bounded(PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(PAIRS_LIMIT, window))

    def wants(self) -> dict[type[Event], Want]:
        missing = field("status").is_in(*MISSING, NO_PASSWORD) & held(self._open, "packet.flow")
        return {RtspRequest: (field("method") == DESCRIBE) | field("credentials").filled(), RtspResponse: missing}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RtspRequest):
            if event.credentials:
                self._authenticated.put(pair_of(event.packet), True)
            elif event.method == DESCRIBE:
                self._open.put(event.packet.flow, event.uri)
        elif isinstance(event, RtspResponse) and event.status in (*MISSING, NO_PASSWORD):
            path = self._open.pop(event.packet.flow)
            if path is not None and event.status in MISSING:
                yield from self._guessed(event, self._paths, path, self.options.paths, "do not exist")
            elif path is not None and pair_of(event.packet, answer=True) not in self._authenticated:
                path = _DIGITS.sub("0", path)
                yield from self._guessed(event, self._refused, path, 2 * self.options.paths, "need a password")

    def _guessed(
        self, event: RtspResponse, table: Distinct[tuple[int, int], str], path: str, threshold: int, which: str
    ) -> Iterator[Alert]:
        pair, want = pair_of(event.packet, answer=True), self.options
        paths = table.add(pair, path[:200], event.ts)
        if paths < threshold or not self._reported.fresh(pair, event.ts):
            return
        yield self.call_alert(
            event,
            "guessed RTSP stream paths on",
            (
                f"{paths} paths that {which} requested within {want.window_s} s (threshold {threshold})",
                f"requested: {some(table.values(pair))}",
            ),
            {"paths": paths, "threshold": threshold, "window_s": want.window_s},
            confidence=0.85,
            answer=True,
            app="rtsp",
        )
