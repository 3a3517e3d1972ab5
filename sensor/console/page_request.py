"""One request: its user, dataset and parameters, and URLs that keep them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Self, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import msgspec
from starlette.requests import ClientDisconnect, Request

from sensor.console.filters import Paging, filter_of, paging_of
from sensor.console.moments import moment_of, now_ns, parsed
from sensor.console.own_reports import own_reports
from sensor.console.querying import Querying, querying
from sensor.console.report_store import ReportStore
from sensor.console.saved_views import LEFT_OUT
from sensor.console.security.keys import RequestUser
from sensor.console.settings import Console
from sensor.console.sources import Opened
from sensor.datasets.card import LIVE, SITE
from sensor.views.dataset import Data
from sensor.views.errors import Malformed

Given = dict[str, list[str]]
Filter = TypeVar("Filter", bound=msgspec.Struct)
# A form contains ids and a comment; a page of a list has at most 1,000 ids.
FORM_BYTES, FIELDS = 256 << 10, 4000
# Parameters that are not filters: they choose the dataset, time, order, page or presentation.
NO_FILTERS = frozenset("data at against sort order limit columns by opened paths attacks cursor done".split())
# Seconds for a form to arrive.
BODY_S = 30.0


class PageRequest:
    """``given``: parameters of the URL, ``form``: fields of a submitted form, each with all its values."""

    def __init__(self, console: Console, http: Request, who: RequestUser, opened: Opened, form: Given) -> None:
        self.console, self.http, self.who, self.opened, self.form = console, http, who, opened, form
        self.given = parameters(http.url.query)
        self.views, self.dataset = opened.views, opened.dataset
        self._records: Querying | None = None
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_records()

    def records(self) -> Querying:
        """The traffic records, opened once and closed at the end of the request. Raises NotReadable."""
        if self._records is None:
            self._records = self._closing.enter_context(querying(self.dataset))
        return self._records

    def close_records(self) -> None:
        """Also after a failed query, whose process may have been ended."""
        self._records = None
        self._closing.close()

    @property
    def data(self) -> Data:
        """The tables of a sensor's dataset. Raises NotReadable at a hub."""
        return self.opened.data

    @property
    def reports(self) -> ReportStore:
        """Those of the hub, or of the console itself."""
        return self.opened.reports or own_reports(self.console, self.who.name)

    @property
    def now(self) -> int:
        """Reference of time spans, ns: now, or the end of a replay."""
        last = parsed(self.opened.span.last) if self.dataset.kind not in (LIVE, SITE) else None
        return int(last.timestamp() * 1e6) * 1000 if last is not None else now_ns()

    @property
    def peer(self) -> str:
        return self.http.client.host if self.http.client is not None else "unix"

    def filter(self, kind: type[Filter], *more: str) -> Filter:
        """The filter in the URL. ``more``: other parameters of the page. Raises Unknown, Malformed."""
        return filter_of(kind, self.given, self.now, more)

    def moment(self, name: str) -> int:
        """The time in a parameter, ns. Raises Malformed."""
        return moment_of(name, self.first(name), self.now)

    def paging(self, sort: str, limit: int = 50, *, backwards: bool = True) -> Paging:
        return paging_of(self.given, sort, limit, backwards=backwards)

    def first(self, name: str) -> str:
        """The value of a parameter; empty if absent."""
        return self.given.get(name, [""])[-1]

    def field(self, name: str) -> str:
        """The value of a form field; empty if absent."""
        return self.form.get(name, [""])[-1]

    def text(self, name: str) -> str:
        """A multi-line form field, with the line ends of files."""
        return text_of(self.form, name)

    def url(self, path: str, **changes: object) -> str:
        """A path with parameters. Keeps the dataset and the time of the current URL."""
        kept = {name: self.given.get(name, []) for name in ("data", "at")}
        return url_of(path, kept | {name: _texts(value) for name, value in changes.items()})

    def present(self) -> str:
        """The URL without its time."""
        return self.here(at=None, against=None)

    def here(self, **changes: object) -> str:
        """The URL with some parameters changed; None removes one. A changed filter starts at its first page."""
        kept = {name: values for name, values in self.given.items() if name not in ("cursor", "done")}
        return url_of(self.http.url.path, kept | {name: _texts(value) for name, value in changes.items()})

    @property
    def filtered(self) -> bool:
        """Whether the URL has a filter."""
        return bool(self.given.keys() - NO_FILTERS)

    def unfiltered(self) -> str:
        """The URL without its filters."""
        return self.here(**dict.fromkeys(self.given.keys() - NO_FILTERS))

    def of_view(self, path: str, given: Given) -> str:
        """The URL of a saved view, for the current dataset."""
        return url_of(path, {"data": self.given.get("data", [])} | given)

    def shows(self, given: Given) -> bool:
        """Whether the URL is that of a saved view."""
        return {name: some for name, some in self.given.items() if name not in LEFT_OUT and any(some)} == given

    def export(self, form: str) -> str:
        """The export of this list through the API, whose filters have the same names."""
        left_out = ("cursor", "done", "limit", "columns", "at", "against", "by")
        kept = {name: values for name, values in self.given.items() if name not in left_out}
        return url_of(f"/api/v1{self.http.url.path}", kept | {"format": [form]})

    def toggled(self, name: str, value: object) -> str:
        """The URL with a value of a parameter added, or removed if present."""
        values, text = self.given.get(name, []), str(value)
        return self.here(**{name: [one for one in values if one != text] if text in values else [*values, text]})

    def has(self, name: str, value: object) -> bool:
        """Whether a parameter has this value."""
        return str(value) in self.given.get(name, ())


def parameters(query: str) -> Given:
    """Parameters of a URL or a form. Raises Malformed if there are too many."""
    try:
        return parse_qs(query, keep_blank_values=True, max_num_fields=FIELDS, errors="replace")
    except ValueError:
        raise Malformed("parameters", "too many", f"at most {FIELDS}") from None


def text_of(form: Given, name: str) -> str:
    """A form field with the line ends of files: browsers send CR LF."""
    lines = form.get(name, [""])[-1].splitlines()
    return "".join(f"{line}\n" for line in lines) if any(lines) else ""


async def form_of(request: Request) -> Given:
    """The fields of a form. Raises Malformed if it is invalid or too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Malformed("content type", kind, "application/x-www-form-urlencoded")
    return parameters((await body_of(request)).decode("utf-8", "replace"))


async def body_of(request: Request) -> bytes:
    """The body of a request. Raises Malformed if it is too long, without reading the rest."""
    body = bytearray()
    try:
        with anyio.fail_after(BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > FORM_BYTES:
                    raise Malformed("body", f"more than {FORM_BYTES:,} bytes", "less")
    except (TimeoutError, ClientDisconnect):
        raise Malformed("body", f"{len(body):,} bytes before the end", "all of it") from None
    return bytes(body)


def url_of(path: str, values: Mapping[str, Sequence[str]]) -> str:
    query = urlencode([(name, value) for name, several in values.items() for value in several if value])
    return f"{path}?{query}" if query else path


def own_path(back: str) -> str:
    """The path to return to: a path of the console, never another site."""
    found = urlsplit(back)
    safe = not found.scheme and not found.netloc and back.startswith("/") and not back.startswith(("//", "/\\"))
    return back if safe and back.isprintable() else "/"


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]
