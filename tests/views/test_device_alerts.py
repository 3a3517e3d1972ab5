"""Open alerts of devices: as the list of alerts has them for each device, and the order by them."""

from __future__ import annotations

from typing import Any

import pytest

from sensor.core.severities import SEVERITIES
from sensor.eventlog.paths import notes_log
from sensor.tables.build import catch_up
from sensor.tables.notes import Note, append_notes
from sensor.views.alert_filter import AlertFilter
from sensor.views.alerts import alerts
from sensor.views.dataset import Data, open_folder
from sensor.views.device_alerts import OpenAlerts, open_alerts
from sensor.views.devices import DeviceRow, devices
from tests.offices import copy_of_office
from tests.views.conftest import LOG

OPEN = ("open", "acknowledged")


def listed(data: Data, device: str) -> OpenAlerts:
    """The same, from the list of alerts."""
    rows = alerts(data, AlertFilter(device=device, state=OPEN), limit=1000).rows
    return OpenAlerts(len(rows), max((row.severity for row in rows), key=SEVERITIES.index, default=""))


def rows_of(data: Data, **order: Any) -> list[DeviceRow]:
    return devices(data, sort="alerts", limit=1000, **order).rows


def test_each_device_has_those_of_the_list_of_alerts(office: Data) -> None:
    rows = rows_of(office)
    shown = {row.id: OpenAlerts(row.open_alerts, row.alert_severity) for row in rows}
    assert shown == {row.id: listed(office, row.id) for row in rows}
    assert {one.severity for one in shown.values()} >= {"critical", "medium", ""}


@pytest.mark.parametrize("backwards", [True, False])
def test_the_order_is_by_severity_and_then_by_number(office: Data, backwards: bool) -> None:
    ranks = ("", *SEVERITIES)
    keys = [(ranks.index(row.alert_severity), row.open_alerts) for row in rows_of(office, backwards=backwards)]
    assert keys == sorted(keys, reverse=backwards)
    assert len(set(keys)) > 3


def test_a_closed_alert_is_not_counted_and_an_acknowledged_one_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An analyst acknowledges the most severe alert of the camera: it still counts; then closes it."""
    folder = copy_of_office(tmp_path_factory)
    catch_up(folder, folder / LOG)
    with open_folder(folder) as data:
        camera = rows_of(data)[0]
        (alert,) = alerts(data, AlertFilter(device=camera.id, severity="critical"), limit=10).rows
    assert (camera.type, camera.alert_severity) == ("camera", "critical")
    for action, found in (("acknowledge", "critical"), ("close", "")):
        append_notes(notes_log(folder / LOG), [Note("2026-11-24T09:00:00Z", alert.id, action, "anna")])
        catch_up(folder, folder / LOG)
        with open_folder(folder) as data:
            assert open_alerts(data, [camera.id])[camera.id].severity == found
