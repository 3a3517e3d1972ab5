"""The hub's database as a back end of console and API, and notes of operators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sensor.hub.device_values import FIELDS
from sensor.hub.notes import Note as HubNote
from sensor.hub.notes import put_note
from sensor.hub.views import alerts, devices, incidents
from sensor.hub.views.ids import parsed
from sensor.hub.views.query import Reader
from sensor.tables.notes import STATES, Note
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter
from sensor.views.alerts import AlertDetails, AlertRow
from sensor.views.devices import EVERY_DEVICE, DeviceFilter, DeviceRow
from sensor.views.moments import SearchHits
from sensor.views.page import Page
from sensor.views.stories import EVERY_STORY, StoryFilter, StoryRow


class HubBackend:
    """``sensor.views.backend.Backend`` over PostgreSQL."""

    on_sensor = False
    device_sorts = devices.SORTS
    device_fields = FIELDS

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def devices(
        self,
        wanted: DeviceFilter = EVERY_DEVICE,
        sort: str = "last",
        *,
        backwards: bool = True,
        limit: int = 100,
        cursor: str = "",
    ) -> Page[DeviceRow]:
        return devices.devices(self.reader, wanted, sort, backwards=backwards, limit=limit, cursor=cursor)

    def device(self, name: str) -> dict[str, Any]:
        return devices.device(self.reader, name)

    def alerts(
        self,
        wanted: AlertFilter = EVERY_ALERT,
        sort: str = "last",
        *,
        backwards: bool = True,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[AlertRow]:
        return alerts.alerts(self.reader, wanted, sort, backwards=backwards, limit=limit, cursor=cursor)

    def alert(self, name: str) -> AlertDetails:
        return alerts.alert(self.reader, name)

    def alert_records(self, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        return alerts.records(self.reader, names)

    def incidents(
        self, wanted: StoryFilter = EVERY_STORY, sort: str = "last", *, limit: int = 50, cursor: str = ""
    ) -> Page[StoryRow]:
        return incidents.incidents(self.reader, wanted, sort, limit=limit, cursor=cursor)

    def incident(self, name: str) -> StoryRow:
        return incidents.incident(self.reader, name)

    def search(self, text: str, *, limit: int = 10) -> SearchHits:
        return SearchHits(
            self.devices(DeviceFilter(text=text), limit=limit),
            self.alerts(AlertFilter(text=text), "severity", limit=limit),
            self.incidents(StoryFilter(text=text), "severity", limit=limit),
            None,
        )


def add_notes(reader: Reader, notes: Sequence[Note]) -> None:
    """Store notes of the console, each on one alert by its id at the hub."""
    for note in notes:
        sensor, alert = parsed(note.alert)
        verdict = note.value if note.action == "verdict" else None
        assignee = note.value if note.action == "assign" else None
        put_note(
            reader.base, sensor or 0, HubNote(alert, note.by, STATES.get(note.action), verdict, assignee, note.text)
        )
