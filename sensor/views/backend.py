"""The lists and objects that pages and the API show, as one interface. A sensor's dataset and a hub's database
implement it with the same filters, rows, pages and errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from sensor.inventory.corrections import FIELDS, Correction
from sensor.views import alerts, devices, moments, stories
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter
from sensor.views.alerts import AlertDetails, AlertRow
from sensor.views.dataset import Data
from sensor.views.devices import EVERY_DEVICE, DeviceFilter, DeviceRow
from sensor.views.errors import Malformed
from sensor.views.moments import SearchHits
from sensor.views.page import MOST, Page
from sensor.views.stories import EVERY_STORY, StoryFilter, StoryRow

Body = dict[str, Any]


class DeviceChanges(Protocol):
    """Operator changes of devices, by ``author``: `sensor.inventory.store.operator_changes` at a sensor."""

    author: str

    def correct(self, corrections: Iterable[Correction]) -> list[str]:
        """Add values of devices; returns the number of each change."""

    def order(self, action: str, key: str, other: str, reason: str) -> str:
        """Order to merge or split devices; returns the number. Raises NotReadable at a hub."""

    def undo(self, number: str) -> str:
        """Undo a change by its number. Raises NotUndone or Unknown if there is none that can be undone."""


class Backend(Protocol):
    """Functions as in the modules of views, with the same errors."""

    @property
    def on_sensor(self) -> bool:
        """Whether it is a sensor's own dataset, with packets and settings; a hub has neither."""

    @property
    def device_sorts(self) -> Sequence[str]:
        """Sort orders of devices."""

    @property
    def device_fields(self) -> Sequence[str]:
        """Fields that operators can set on devices."""

    def devices(
        self,
        wanted: DeviceFilter = EVERY_DEVICE,
        sort: str = "last",
        *,
        backwards: bool = True,
        limit: int = 100,
        cursor: str = "",
    ) -> Page[DeviceRow]: ...

    def device(self, name: str) -> Body: ...

    def alerts(
        self,
        wanted: AlertFilter = EVERY_ALERT,
        sort: str = "last",
        *,
        backwards: bool = True,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[AlertRow]: ...

    def alert(self, name: str) -> AlertDetails: ...

    def alert_records(self, names: Iterable[str]) -> dict[str, Body]:
        """The last records of alerts by their ids, in one search; unknown ones are absent."""

    def incidents(
        self, wanted: StoryFilter = EVERY_STORY, sort: str = "last", *, limit: int = 50, cursor: str = ""
    ) -> Page[StoryRow]: ...

    def incident(self, name: str) -> StoryRow: ...

    def search(self, text: str, *, limit: int = 10) -> SearchHits: ...


class DatasetBackend:
    """The tables of one dataset."""

    on_sensor = True
    device_sorts = devices.SORTS
    device_fields = FIELDS

    def __init__(self, data: Data, *, alerts_known: bool = True) -> None:
        """``alerts_known``: whether the dataset has an event log."""
        self._data, self._alerts_known = data, alerts_known

    def devices(
        self,
        wanted: DeviceFilter = EVERY_DEVICE,
        sort: str = "last",
        *,
        backwards: bool = True,
        limit: int = 100,
        cursor: str = "",
    ) -> Page[DeviceRow]:
        page = devices.devices(self._data, wanted, sort, backwards=backwards, limit=limit, cursor=cursor)
        return page if self._alerts_known else replace(page, rows=list(map(devices.without_alerts, page.rows)))

    def device(self, name: str) -> Body:
        return devices.device(self._data, name)

    def alerts(
        self,
        wanted: AlertFilter = EVERY_ALERT,
        sort: str = "last",
        *,
        backwards: bool = True,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[AlertRow]:
        return alerts.alerts(self._data, wanted, sort, backwards=backwards, limit=limit, cursor=cursor)

    def alert(self, name: str) -> AlertDetails:
        return alerts.alert(self._data, name)

    def alert_records(self, names: Iterable[str]) -> dict[str, Body]:
        return alerts.records(self._data, names)

    def incidents(
        self, wanted: StoryFilter = EVERY_STORY, sort: str = "last", *, limit: int = 50, cursor: str = ""
    ) -> Page[StoryRow]:
        return stories.incidents(self._data, wanted, sort, limit=limit, cursor=cursor)

    def incident(self, name: str) -> StoryRow:
        return stories.incident(self._data, name)

    def search(self, text: str, *, limit: int = 10) -> SearchHits:
        return moments.search(self._data, text, limit=limit)


def matching(views: Backend, wanted: AlertFilter, most: int) -> list[AlertRow]:
    """All matches, for bulk actions. Raises Malformed if there are more than ``most``."""
    rows: list[AlertRow] = []
    cursor = ""
    while True:
        page = views.alerts(wanted, "opened", limit=MOST, cursor=cursor)
        rows += page.rows
        if len(rows) > most:
            raise Malformed("filter", f"more than {most:,} alerts", "a narrower one")
        if not page.cursor:
            return rows
        cursor = page.cursor
