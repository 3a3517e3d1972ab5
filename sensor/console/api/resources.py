"""Resources of the API. Each is a view whose filter fields are the parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from starlette.responses import Response

from sensor.console.api import convert, types
from sensor.console.api.filters import MapFilter, TrafficFilter
from sensor.console.filters import LONGEST
from sensor.console.page_request import PageRequest
from sensor.console.report_store import ReportSchedule, StoredReport
from sensor.console.reports import FORMATS
from sensor.console.top_talkers import top_talkers
from sensor.core.record_parts import time_text
from sensor.records import talkers
from sensor.tables.lines import time_ns
from sensor.views import alerts, devices, moments, posture, stories, tickets, vulnerabilities
from sensor.views.alert_filter import AlertFilter
from sensor.views.errors import Malformed, NotReadable
from sensor.views.incident_steps import IncidentStep, incident_steps
from sensor.views.losses import unseen
from sensor.views.page import limit_of
from sensor.views.paths import cheapest
from sensor.views.responses import stored
from sensor.views.topology import Topology, topology

SHOWN = 10
SEARCHED = ("devices", "alerts", "incidents", "recommendations")


class Resource(NamedTuple):
    """``filter``: struct whose fields are the parameters; ``item``: type of the result, of list members if ``sorts`` is
    set; ``top``: only the first rows, without pages; ``more``: other parameters; ``log``: needs the event log, and is
    unknown without it; ``files``: media types, if the response is a file.
    """

    path: str
    summary: str
    answer: Callable[[PageRequest], Any]
    item: Any
    filter: type[msgspec.Struct] | None = None
    sorts: tuple[str, ...] = ()
    top: bool = False
    more: tuple[str, ...] = ()
    log: bool = True
    files: tuple[str, ...] = ()

    @property
    def listed(self) -> bool:
        return bool(self.sorts) and not self.top

    @property
    def result(self) -> Any:
        """The type of a response."""
        generic: Any = types.List if self.listed else types.One
        return generic[self.item]


def _devices(request: PageRequest) -> Any:
    paging = request.paging("last", 100)
    wanted = request.filter(devices.DeviceFilter, "format")
    found = request.views.devices(
        wanted, paging.sort, backwards=paging.backwards, limit=paging.limit, cursor=paging.cursor
    )
    return convert.page(request, found, convert.device)


def device(request: PageRequest) -> Any:
    return types.One(request.views.device(request.http.path_params["id"]), convert.source(request))


def _alerts(request: PageRequest) -> Any:
    paging = request.paging("last", 100)
    wanted = request.filter(AlertFilter, "format")
    found = request.views.alerts(
        wanted, paging.sort, backwards=paging.backwards, limit=paging.limit, cursor=paging.cursor
    )
    return convert.page(request, found, convert.alert)


def alert(request: PageRequest) -> Any:
    return types.One(convert.details(request.views.alert(request.http.path_params["id"])), convert.source(request))


def _stories(request: PageRequest, view: Callable[..., Any], sort: str) -> Any:
    """A page of incidents or recommendations."""
    paging = request.paging(sort, 100)
    wanted = request.filter(stories.StoryFilter, "format")
    found = view(wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    return convert.page(request, found, convert.story)


def _incidents(request: PageRequest) -> Any:
    return _stories(request, request.views.incidents, "last")


def _incident(request: PageRequest) -> Any:
    return types.One(convert.story(request.views.incident(request.http.path_params["id"])), convert.source(request))


def _incident_steps(request: PageRequest) -> Any:
    row = request.views.incident(request.http.path_params["id"])
    return types.One(
        incident_steps(row.record, stored(request.views.alert_records, row.record)), convert.source(request)
    )


def _recommendations(request: PageRequest) -> Any:
    return _stories(request, partial(stories.recommendations, request.data), "severity")


def _timeline(request: PageRequest) -> Any:
    paging = request.paging("ts", 100)
    found = moments.timeline(
        request.data, request.filter(moments.TimelineFilter, "format"), limit=paging.limit, cursor=paging.cursor
    )
    return convert.page(request, found, convert.moment)


def _vulnerabilities(request: PageRequest) -> Any:
    paging = request.paging("priority", 100)
    wanted = request.filter(vulnerabilities.VulnerabilityFilter, "format")
    with request.console.assessments.of(request.opened) as picture:
        return convert.page(
            request,
            vulnerabilities.findings(picture, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor),
            convert.same,
        )


def _tickets(request: PageRequest) -> Any:
    paging = request.paging("severity", 100)
    wanted, policy = request.filter(tickets.TicketFilter, "format"), request.console.assessments.policy
    with request.console.assessments.of(request.opened) as picture:
        found = tickets.tickets(
            picture, request.data.folder, policy, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor
        )
        return convert.page(request, found, convert.same)


def _posture(request: PageRequest) -> Any:
    with request.console.assessments.of(request.opened) as picture:
        return types.One(posture.posture(picture), convert.source(request))


def _map(request: PageRequest) -> Any:
    wanted = request.filter(MapFilter)
    with request.console.assessments.of(request.opened) as picture:
        along = cheapest(picture).page.rows if wanted.paths else ()
        found = topology(picture, wanted, wanted.by, wanted.opened, along=along, severity=wanted.severity)
        return types.One(found, convert.source(request))


def _traffic(request: PageRequest) -> Any:
    paging = request.paging(talkers.SORTS[0], 100)
    found, coverage = top_talkers(request, request.filter(TrafficFilter), paging.sort, limit_of(paging.limit))
    first, last = (time_text(time_ns(text)) if text else "" for text in (found.first, found.last))
    body = types.Traffic(found.rows, found.more, found.bytes, found.connections, first, last, list(coverage))
    return types.One(body, convert.source(request))


def _health(request: PageRequest) -> Any:
    found = moments.health(request.data)
    body = types.Health(unseen(found), found.summary, found.unusable, [convert.moment(row) for row in found.findings])
    return types.One(body, convert.source(request))


def _search(request: PageRequest) -> Any:
    text = request.first("q").strip()
    if not 0 < len(text) <= LONGEST:
        raise Malformed("q", text[:40], f"1 to {LONGEST} characters")
    hits = request.views.search(text, limit=SHOWN)
    todo = hits.recommendations.rows if hits.recommendations is not None else []
    body = types.Hits(
        [convert.device(row) for row in hits.devices.rows],
        [convert.alert(row) for row in hits.alerts.rows],
        [convert.story(row) for row in hits.incidents.rows],
        [convert.story(row) for row in todo],
        {name: found.total for name in SEARCHED if (found := getattr(hits, name)) is not None},
    )
    return types.One(body, convert.source(request))


def _datasets(request: PageRequest) -> Any:
    usual = request.console.sources.dataset("", request.who.name).name
    found = [
        types.Dataset(one.name, one.kind, *one.span, one.name == usual, list(one.missing))
        for one in request.console.sources.all(request.who.name)
    ]
    return types.One(found, convert.source(request))


def _reports(request: PageRequest) -> Any:
    return types.One(request.reports.reports(), convert.source(request))


def schedules(request: PageRequest) -> Any:
    return types.One(request.reports.schedules(), convert.source(request))


def _report_file(request: PageRequest) -> Response:
    return request.reports.file(request.http.path_params["id"]).response()


RESOURCES = (
    Resource(
        "/devices",
        "Devices, by any filter and sort",
        _devices,
        types.Device,
        devices.DeviceFilter,
        devices.SORTS,
        log=False,
    ),
    Resource("/devices/{id}", "One device with its evidence, addresses and history", device, types.Record, log=False),
    Resource("/alerts", "Alerts, by any filter and sort", _alerts, types.Alert, AlertFilter, alerts.SORTS),
    Resource("/alerts/{id}", "One alert with its notes and incidents", alert, types.AlertDetails),
    Resource("/incidents", "Incidents", _incidents, types.Story, stories.StoryFilter, stories.SORTS),
    Resource("/incidents/{id}", "One incident with its story", _incident, types.Story),
    Resource(
        "/incidents/{id}/steps",
        "Who attacked whom in an incident, in order of time",
        _incident_steps,
        list[IncidentStep],
    ),
    Resource(
        "/recommendations",
        "Settings to change on devices",
        _recommendations,
        types.Story,
        stories.StoryFilter,
        stories.SORTS,
    ),
    Resource(
        "/vulnerabilities",
        "Findings: a row for each device and CVE",
        _vulnerabilities,
        vulnerabilities.FindingRow,
        vulnerabilities.VulnerabilityFilter,
        tuple(vulnerabilities.SORTS),
    ),
    Resource(
        "/tickets", "One ticket for each fix", _tickets, tickets.TicketRow, tickets.TicketFilter, tuple(tickets.SORTS)
    ),
    Resource("/posture", "The exposure score of the site, and the most effective fixes", _posture, posture.Posture),
    Resource(
        "/map", "Conversations and attacks between groups of devices, and attack paths", _map, Topology, MapFilter
    ),
    Resource(
        "/traffic",
        "Top talkers of the traffic records: pairs of client and server, hosts or services",
        _traffic,
        types.Traffic,
        TrafficFilter,
        talkers.SORTS,
        top=True,
        log=False,
    ),
    Resource("/timeline", "Timeline of events, newest first", _timeline, types.Moment, moments.TimelineFilter, ("ts",)),
    Resource("/health", "Health of the sensor, and coverage gaps", _health, types.Health),
    Resource(
        "/search", "Search all resources for a text, an address, a network or an id", _search, types.Hits, more=("q",)
    ),
    Resource("/datasets", "The datasets of the state folder", _datasets, list[types.Dataset], log=False),
    Resource("/reports", "Reports that the console stores, the newest first", _reports, list[StoredReport], log=False),
    Resource(
        "/reports/{id}/file", "The file of a report", _report_file, bytes, files=tuple(FORMATS.values()), log=False
    ),
    Resource("/report-schedules", "Schedules of reports", schedules, list[ReportSchedule], log=False),
)


def answer(request: PageRequest, resource: Resource) -> Any:
    """The response of a resource. Raises NotReadable if it needs a log and there is none: unknown is not empty."""
    if resource.log and not request.opened.alerts_known:
        raise NotReadable(f"the dataset {request.dataset.name} has no event log: this is unknown, not empty")
    return resource.answer(request)
