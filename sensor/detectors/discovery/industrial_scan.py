"""Scan of an industrial controller over Modbus or IEC 60870-5-104: a host searches for the units or stations behind an
address, or tries functions or objects.

A control server knows the units and functions that it polls, and a serial line has 32 units at most without repeaters.
A scan requests many units that do not exist, which a gateway answers with an exception (Modbus Application Protocol
1.1b3, 7), or for functions that the controller refuses. A control center has the list of the objects of its stations: a
scan requests many stations or objects that do not exist, which the other side refuses (IEC 60870-5-104, causes 46, 47).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import app_of
from sensor.dissectors.iec104 import Iec104Refusal
from sensor.dissectors.modbus import ModbusException, ModbusRequest

ILLEGAL_FUNCTION, NO_PATH, NO_ANSWER = 1, 10, 11  # exception codes
NO_STATION, NO_OBJECT = 46, 47  # causes of IEC 104
AGAIN_S = 600


class Options(CallOptions):
    """Thresholds."""

    units: int = Field(64, ge=32, le=247, description="threshold: units that one host requested at one address")
    missing: int = Field(12, ge=4, le=247, description="threshold: units that the gateway did not reach")
    functions: int = Field(5, ge=3, le=64, description="threshold: functions that the controller refused as unknown")
    objects: int = Field(32, ge=8, description="threshold: objects that the station refused as unknown (IEC 104)")
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")


class IndustrialScan(CallDetector):
    """Watches requested units, and exceptions."""

    title = "Scan of an industrial controller (Modbus, IEC 104)"
    severity = Severity.medium
    techniques = ("T0846", "T0888", "T1046")
    advice = (
        "Find out which program on this host scans the controller. Scans can stop old controllers: allow access from "
        "the control servers only."
    )
    false_positives = "An inventory of the plant; commissioning of a serial line: add such hosts to `managers`."
    decisive = {"units": "units", "missing": "missing", "functions": "functions", "objects": "objects"}
    Options = Options
    watches = (ModbusRequest, ModbusException, Iec104Refusal)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._units: Distinct[tuple[int, int], int] = self.tables.add("units", Distinct(window, PAIRS_LIMIT))
        self._missing: Distinct[tuple[int, int], int] = self.tables.add("missing", Distinct(window, PAIRS_LIMIT))
        self._refused: Distinct[tuple[int, int], int] = self.tables.add("refused", Distinct(window, PAIRS_LIMIT))
        self._objects: Distinct[tuple[int, int], tuple[int, int]] = self.tables.add(
            "objects", Distinct(window, PAIRS_LIMIT)
        )
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, AGAIN_S * SECOND)
        )

    def inspect(self, event: Event) -> Iterator[Alert]:
        want, answer = self.options, not isinstance(event, ModbusRequest)
        pair = pair_of(event.packet, answer=answer)
        if isinstance(event, ModbusRequest):
            units = self._units.add(pair, event.unit, event.ts)
            if units >= want.units:
                yield from self._scan(event, pair, "units", units, want.units, "units requested")
        elif isinstance(event, ModbusException) and event.code in (NO_PATH, NO_ANSWER):
            missing = self._missing.add(pair, event.unit, event.ts)
            if missing >= want.missing:
                yield from self._scan(event, pair, "missing", missing, want.missing, "nonexistent units requested")
        elif isinstance(event, ModbusException) and event.code == ILLEGAL_FUNCTION:
            refused = self._refused.add(pair, event.function, event.ts)
            if refused >= want.functions:
                yield from self._scan(event, pair, "functions", refused, want.functions, "unknown functions requested")

        elif isinstance(event, Iec104Refusal):
            yield from self._refused_objects(event, pair)

    def _refused_objects(self, event: Iec104Refusal, pair: tuple[int, int]) -> Iterator[Alert]:
        want = self.options
        if event.cause == NO_STATION:
            missing = self._missing.add(pair, event.station, event.ts)
            if missing >= want.missing:
                yield from self._scan(event, pair, "missing", missing, want.missing, "nonexistent stations requested")
        elif event.cause == NO_OBJECT:
            objects = self._objects.add(pair, (event.station, event.object), event.ts)
            if objects >= want.objects:
                yield from self._scan(event, pair, "objects", objects, want.objects, "unknown objects requested")

    def _scan(
        self, event: Event, pair: tuple[int, int], what: str, count: int, threshold: int, reason: str
    ) -> Iterator[Alert]:
        if not self._reported.fresh((*pair, what), event.ts):
            return
        units = "stations" if isinstance(event, Iec104Refusal) else "units"
        searched = what if what in ("functions", "objects") else units
        yield self.call_alert(
            event,
            f"scanned the {searched} of the controller",
            (f"{count} {reason} within {self.options.window_s} s (threshold {threshold})",),
            {what: count, "threshold": threshold, "window_s": self.options.window_s},
            key=(searched,),
            confidence=0.8,
            answer=not isinstance(event, ModbusRequest),
            app=app_of(event),
        )
