"""A typed client of the API, for programs: filters and results have the types of the server. It needs no extra.

client = Client("http://127.0.0.1:8765", token)
for alert in client.alerts(AlertFilter(severity="high", state=("open",))):
    client.note(alert.id, "acknowledge")
"""

from __future__ import annotations

import ipaddress
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from sensor.console.api import types
from sensor.console.api.filters import ALL_TRAFFIC, WHOLE_MAP, MapFilter, TrafficFilter
from sensor.console.report_store import ReportSchedule, StoredReport
from sensor.core.record_parts import time_text
from sensor.views.alert_filter import EVERY_ALERT, AlertFilter
from sensor.views.devices import EVERY_DEVICE, DeviceFilter
from sensor.views.incident_steps import IncidentStep
from sensor.views.moments import EVERY_MOMENT, TimelineFilter
from sensor.views.posture import Posture
from sensor.views.stories import EVERY_STORY, StoryFilter
from sensor.views.tickets import TicketFilter, TicketRow
from sensor.views.topology import Topology
from sensor.views.vulnerabilities import FindingRow, VulnerabilityFilter

BASE = "/api/v1"
Item = TypeVar("Item")
Body = TypeVar("Body")
Parameters = Sequence[tuple[str, str]]


class ApiError(Exception):
    """The server refused a request. ``problem``: the reason (RFC 9457)."""

    def __init__(self, problem: types.Problem) -> None:
        super().__init__(f"{problem.title}: {problem.detail} ({problem.code})")
        self.problem = problem


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token is sent to no other URL."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class Client:
    """Lists are requested page by page as they are read. Methods raise ApiError, and OSError if the connection fails.
    Plain HTTP uses no proxy: it would read the token.
    """

    def __init__(
        self, url: str, token: str, *, dataset: str = "", timeout: float = 60.0, context: ssl.SSLContext | None = None
    ) -> None:
        """``url``: of the console; ``dataset``: empty for the default; ``timeout``: seconds; ``context``: for
        certificates of a private authority. Raises ValueError for plain HTTP to another host, which would reveal the
        token.
        """
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_local(parts.hostname or "")):
            raise ValueError(f"found {url!r}, expected a URL with https, or http to this host")
        self._url, self._dataset, self._timeout = url.rstrip("/"), dataset, timeout
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if context is not None:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        if parts.scheme == "http":
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def devices(self, wanted: DeviceFilter = EVERY_DEVICE, sort: str = "") -> Iterator[types.Device]:
        return self._list("/devices", types.Device, wanted, sort)

    def device(self, name: str) -> types.Record:
        """One device with its evidence. ``name``: its id, or the beginning of one."""
        return self._one(f"/devices/{quote(name, safe='')}", types.Record)

    def alerts(self, wanted: AlertFilter = EVERY_ALERT, sort: str = "") -> Iterator[types.Alert]:
        return self._list("/alerts", types.Alert, wanted, sort)

    def alert(self, name: str) -> types.AlertDetails:
        return self._one(f"/alerts/{quote(name, safe='')}", types.AlertDetails)

    def incidents(self, wanted: StoryFilter = EVERY_STORY, sort: str = "") -> Iterator[types.Story]:
        return self._list("/incidents", types.Story, wanted, sort)

    def incident_steps(self, name: str) -> list[IncidentStep]:
        """Who attacked whom in an incident, in order of time."""
        return self._one(f"/incidents/{quote(name, safe='')}/steps", list[IncidentStep])

    def recommendations(self, wanted: StoryFilter = EVERY_STORY, sort: str = "") -> Iterator[types.Story]:
        return self._list("/recommendations", types.Story, wanted, sort)

    def vulnerabilities(self, wanted: VulnerabilityFilter | None = None, sort: str = "") -> Iterator[FindingRow]:
        return self._list("/vulnerabilities", FindingRow, wanted or VulnerabilityFilter(), sort)

    def tickets(self, wanted: TicketFilter | None = None, sort: str = "") -> Iterator[TicketRow]:
        return self._list("/tickets", TicketRow, wanted or TicketFilter(), sort)

    def timeline(self, wanted: TimelineFilter = EVERY_MOMENT) -> Iterator[types.Moment]:
        return self._list("/timeline", types.Moment, wanted, "")

    def posture(self) -> Posture:
        return self._one("/posture", Posture)

    def map(self, wanted: MapFilter = WHOLE_MAP) -> Topology:
        """Conversations and attacks between groups of devices."""
        return self._one("/map", Topology, _parameters(wanted))

    def traffic(self, wanted: TrafficFilter = ALL_TRAFFIC, sort: str = "bytes", limit: int = 100) -> types.Traffic:
        """Top talkers, those with most ``bytes`` or ``connections`` first. Needs traffic records."""
        return self._one("/traffic", types.Traffic, [*_parameters(wanted), ("sort", sort), ("limit", str(limit))])

    def health(self) -> types.Health:
        return self._one("/health", types.Health)

    def search(self, text: str) -> types.Hits:
        return self._one("/search", types.Hits, [("q", text)])

    def datasets(self) -> list[types.Dataset]:
        return self._one("/datasets", list[types.Dataset])

    def reports(self) -> list[StoredReport]:
        return self._one("/reports", list[StoredReport])

    def report_file(self, report: str) -> bytes:
        """The file of a finished report, by its id."""
        return self._body(f"/reports/{quote(report, safe='')}/file", [])

    def report_schedules(self) -> list[ReportSchedule]:
        return self._one("/report-schedules", list[ReportSchedule])

    def note(self, alert: str, action: str, value: str = "", text: str = "", key: str = "") -> types.AlertDetails:
        """Write a note (``types.NewNote``). ``key``: repeating a request with the same key writes nothing; empty: a new
        one.
        """
        path = f"/alerts/{quote(alert, safe='')}/notes"
        return self._written(types.AlertDetails, path, types.NewNote(action, value, text), key)

    def set_values(self, device: str, values: dict[str, str], reason: str = "", key: str = "") -> types.Record:
        """Set values of a device (``types.NewValues``); returns its record. ``key``: as for ``note``."""
        path = f"/devices/{quote(device, safe='')}/values"
        return self._written(types.Record, path, types.NewValues(values, reason), key)

    def events(self, after: int = 0, kinds: Sequence[str] = ()) -> Iterator[types.Record]:
        """Records of the event log after a number (``sensor.seq``), existing and future ones, until the connection
        ends: then continue after the last one.
        """
        given = [("after", str(after)), *(("kind", kind) for kind in kinds)]
        with closing(self._answer("/events", given, None, {"Accept": "text/event-stream"})) as answer:
            for line in answer:
                if line.startswith(b"data: "):
                    yield _decoded(line[6:], types.Record)

    def _written(self, item: type[Item], path: str, new: msgspec.Struct, key: str) -> Item:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or str(uuid.uuid4())}
        generic: Any = types.One
        found: Item = self._read(generic[item], path, [], msgspec.json.encode(new), headers).item
        return found

    def _list(self, path: str, item: type[Item], wanted: msgspec.Struct, sort: str) -> Iterator[Item]:
        given = [*_parameters(wanted), *([("sort", sort)] if sort else []), ("limit", "1000")]
        generic: Any = types.List
        cursor = ""
        while True:
            page = self._read(generic[item], path, [*given, *([("cursor", cursor)] if cursor else [])])
            yield from page.items
            cursor = page.cursor
            if not cursor:
                return

    def _one(self, path: str, item: type[Item], given: Iterable[tuple[str, str]] = ()) -> Item:
        generic: Any = types.One
        found: Item = self._read(generic[item], path, list(given)).item
        return found

    def _read(self, kind: type[Body], path: str, given: Parameters, *more: Any) -> Body:
        return _decoded(self._body(path, given, *more), kind)

    def _body(self, path: str, given: Parameters, *more: Any) -> bytes:
        with self._answer(path, given, *more) as answer:
            try:
                body: bytes = answer.read()
            except HTTPException as error:
                raise ConnectionError(f"the response is incomplete: {error!r}") from None
            return body

    def _answer(
        self,
        path: str,
        given: Parameters,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The response to a request. Raises ApiError, OSError."""
        query = urlencode([*given, *([("data", self._dataset)] if self._dataset else [])])
        url = f"{self._url}{BASE}{path}?{query}"
        # The scheme is http or https, checked above.
        request = urllib.request.Request(url, body, self._headers | (headers or {}))  # noqa: S310
        try:
            return self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(_problem(error)) from None
        except HTTPException as error:
            raise ConnectionError(f"the response is not HTTP: {error!r}") from None


def _decoded(body: bytes, kind: type[Body]) -> Body:
    """Raises ApiError if the body is something else, such as the login page of a proxy."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(types.Problem("Unexpected response", HTTPStatus.OK, str(error), "unexpected")) from None


def _problem(error: urllib.error.HTTPError) -> types.Problem:
    try:
        return msgspec.json.decode(error.read(1 << 16), type=types.Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return types.Problem(str(error.reason), error.code, "the response is not from the console", "unexpected")


def _parameters(wanted: msgspec.Struct) -> Iterator[tuple[str, str]]:
    """A filter as parameters of a URL, without fields that have their default."""
    for field in msgspec.structs.fields(wanted):
        value = getattr(wanted, field.name)
        if value == field.default:
            continue
        for one in value if isinstance(value, tuple) else (value,):
            yield field.name, _text(field.name, one)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return time_text(value) if isinstance(value, int) and name in ("since", "until") else str(value)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
