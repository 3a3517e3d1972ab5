"""All settings: the sections of the configuration, and the options of detectors and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import sensor.detectors
from sensor.budget import MOST, USUAL, enough
from sensor.config_sections import (
    Alerts,
    Blocks,
    Capture,
    Datasets,
    Evidence,
    Fingerprints,
    Identity,
    Inventory,
    Records,
    Retention,
    Roles,
    Tables,
    Telemetry,
    Tickets,
    Zone,
)  # fmt: skip
from sensor.console_section import ConsoleSection
from sensor.core.alert import Severity
from sensor.core.detector import Detector, Options
from sensor.core.model import Check, Field, Model
from sensor.documents import FilePath
from sensor.logs.section import Logging
from sensor.presets import PRESETS
from sensor.registry import units


def detector_units() -> Mapping[str, type[Detector]]:
    """Detector classes by id."""
    return units(sensor.detectors, Detector)


class Chosen(NamedTuple):
    """The options of a detector in a file. ``names``: those that the file states, which override the preset."""

    options: Options
    names: Sequence[str] = ()


class Config(Model):
    """All settings. ``memory_mib``: memory limit of a run in MiB, which determines the sizes of its tables (see
    budget.py); ``networks``: internal address blocks in addition to the private ones; ``timezone``: time zone of
    command output instead of UTC, such as Europe/Berlin, or ``local``; ``roles``: hosts whose normal work looks like an
    attack; ``intel``: threat lists; ``events``: the event log of live runs (default: events.jsonl in the folder of
    ``state``); ``state``: folder of inventory, event log and packets of alerts (default: the state folder); ``preset``:
    a set of detector options (see presets.py); ``detectors``: options by detector id, which override it; ``outputs``:
    destinations of events, options by name (see delivery/section.py).
    """

    sensor: Identity = Identity()
    memory_mib: Annotated[int, Check(enough)] = Field(default=USUAL, le=MOST)
    networks: Blocks = []
    timezone: Zone = Field(default="", max_length=64)
    roles: Roles = Roles()
    intel: list[FilePath] = []
    events: FilePath | None = None
    state: FilePath | None = None
    fingerprints: Fingerprints = Fingerprints()
    inventory: Inventory = Inventory()
    preset: Literal["quiet", "balanced", "paranoid", "compatible"] = "balanced"
    alerts: Alerts = Alerts()
    evidence: Evidence = Evidence()
    retention: Retention = Retention()
    datasets: Datasets = Datasets()
    records: Records = Records()
    tables: Tables = Tables()
    capture: Capture = Capture()
    telemetry: Telemetry = Telemetry()
    logging: Logging = Logging()
    tickets: Tickets = Tickets()
    console: ConsoleSection = ConsoleSection()
    outputs: dict[str, Any] = {}
    detectors: dict[str, Chosen] = {}

    def options(self, detector: str) -> Any:
        """The options of one detector: those in the file, then those of the preset, then the defaults."""
        given, names = self.detectors.get(detector) or Chosen(detector_units()[detector].Options())
        preset = PRESETS[self.preset].options.get(detector, {})
        changed = {name: value for name, value in preset.items() if name not in names}
        return given.model_copy(update=changed) if changed else given

    @property
    def least(self) -> Severity:
        """The lowest severity of alerts that are reported."""
        return Severity[self.alerts.least or PRESETS[self.preset].least]
