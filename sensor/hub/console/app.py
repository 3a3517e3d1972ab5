"""The application of a hub: the pages of a sensor's console that a hub can fill, and pages about sites and sensors. The
other pages of a sensor name the place of their content.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sensor.console import app
from sensor.console.app import Content, app_with
from sensor.console.page_request import PageRequest
from sensor.console.pages import (
    alert,
    alert_actions,
    alerts,
    device,
    device_actions,
    devices,
    incident,
    incidents,
    search,
    view_actions,
)
from sensor.console.render import HUB_NAV
from sensor.console.request_handling import Page
from sensor.console.settings import Console
from sensor.hub.console.pages import audit, overview, reports, sensors
from sensor.views.errors import NotReadable

PAGES: dict[str, Page] = {
    "/": overview.page,
    "/alerts": alerts.page,
    "/alerts/{id}": alert.page,
    "/devices": devices.page,
    "/devices/{id}": device.page,
    "/incidents": incidents.page,
    "/incidents/{id}": incident.page,
    "/sensors": sensors.page,
    "/reports": reports.page,
    "/reports/{number}/file": reports.file,
    "/search": search.page,
    "/audit": audit.page,
}
ACTIONS: dict[str, Page] = {
    "/alerts/act": alert_actions.act,
    "/alerts/undo": alert_actions.undo,
    "/devices/act": device_actions.act,
    "/devices/undo": device_actions.undo,
    "/reports/act": reports.act,
    "/views/act": view_actions.act,
}
# Pages of a sensor's console in addition to ``app.PAGES``.
ELSEWHERE = ("/settings", "/uploads")


def hub_app(console: Console) -> Starlette:
    """The application. ``console.sources``: of the hub."""
    others: dict[str, Page] = {path: _elsewhere for path in (*app.PAGES, *ELSEWHERE) if path not in PAGES}
    return app_with(console, Content(PAGES | others, ACTIONS, HUB_NAV, _routes()))


def _elsewhere(_: PageRequest) -> Response:
    raise NotReadable(
        "A hub does not have this page: packets, maps, scores, lists and settings are at each sensor. Open the console "
        "of the sensor; `sensor hub hunt` searches the traffic records of all sensors."
    )


def _routes() -> list[BaseRoute]:
    async def live(_: Request) -> Response:
        return Response(status_code=204)  # an EventSource does not reconnect: pages of a hub do not update themselves

    return [Route("/live", live, methods=["GET"])]
