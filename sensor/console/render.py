"""Templates: Jinja2 escapes all values, and every text is cleaned of control characters (``template_filters.py``)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, cast

import jinja2
import jinja2.ext
from starlette.requests import Request
from starlette.responses import HTMLResponse

import sensor
from sensor.console.languages import Language
from sensor.console.messages import Translated, translated
from sensor.console.page_request import PageRequest, url_of
from sensor.console.saved_views import PATHS
from sensor.console.template_filters import FILTERS, TESTS, cleaned
from sensor.core.severities import SEVERITIES
from sensor.core.type_labels import type_label
from sensor.records.installed import installed

FOLDER = Path(__file__).parent / "templates"
THEMES = ("auto", "light", "dark")
# Pages of lists that show a past state (`at`), as their details do.
PAST = (
    "/", "/incidents", "/alerts", "/devices", "/recommendations", "/posture", "/map", "/timeline", "/health",
)  # fmt: skip
NAV = (
    ("/", "Overview"), ("/incidents", "Incidents"), ("/alerts", "Alerts"), ("/devices", "Devices"),
    ("/vulnerabilities", "Vulnerabilities"),
    ("/recommendations", "Recommendations"), ("/tickets", "Tickets"), ("/posture", "Exposure"), ("/map", "Map"),
    ("/traffic", "Traffic"), ("/timeline", "Timeline"), ("/hunt", "Hunt"), ("/lists", "Threat lists"),
    ("/rules", "Rules"), ("/reports", "Reports"), ("/health", "Health"),
)  # fmt: skip

HUB_NAV = (
    ("/", "Overview"), ("/incidents", "Incidents"), ("/alerts", "Alerts"), ("/devices", "Devices"),
    ("/sensors", "Sensors"), ("/reports", "Reports"),
)  # fmt: skip


def render(request: PageRequest, template: str, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of a dataset."""
    values |= {
        "opened": request.opened,
        "dataset": request.dataset,
        "datasets": request.console.sources.all(request.who.name),
        "who": request.who,
        "undo": _undo(request),
        "saved": request.console.views.of(path) if (path := request.http.url.path) in PATHS else None,
    }
    return bare(request.http, template, title, status, **values, request=request)


def bare(http: Request, template: str, title: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page without a dataset or without a user."""
    empty: dict[str, Any] = {
        "timely": False,
        "request": None,
        "opened": None,
        "dataset": None,
        "datasets": (),
        "who": None,
        "undo": None,
        "saved": None,
    }
    data = http.query_params.get("data", "")
    language: Language = http.app.state.languages.wanted(http.headers.get("accept-language", ""))
    theme = http.cookies.get("theme", THEMES[0])
    frame = {
        "title": language.text(title),
        "nav": [(path, language.text(name)) for path, name in http.app.state.nav],
        "on_sensor": any(path == "/hunt" for path, _ in http.app.state.nav),
        "language": language.code,
        "path": http.url.path,
        "section": http.url.path.split("/")[1] or "overview",
        "data": data,
        "page_url": functools.partial(_of_data, data),
        "back": f"{http.url.path}?{http.url.query}" if http.method == "GET" else "/",
        "theme": theme if theme in THEMES else THEMES[0],
        "themes": THEMES,
        "past": PAST,
    }
    page = _environment(language).get_template(template).render(empty | frame | values)
    return HTMLResponse(page, status)


def compile_templates(language: Language) -> None:
    """Compile all templates: the first request of a page would otherwise wait up to 0.2 seconds for its own."""
    environment = _environment(language)
    for name in environment.list_templates(["jinja"]):
        environment.get_template(name)


def _of_data(data: str, path: str) -> str:
    """A path with the dataset of the current URL, but not with its time."""
    return url_of(path, {"data": [data]})


def _undo(request: PageRequest) -> dict[str, str] | None:
    """The last write and the name that undoes it."""
    name = request.first("done")
    done = request.console.undo.look(name, request.who.name) if name else None
    return {"name": name, "text": done.text, "path": done.path} if done is not None else None


class _Translating(jinja2.ext.Extension):
    """Translates the messages of a template before it is compiled."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return translated(source, cast("Translated", self.environment.globals["_"]))


def _device_type(language: Language, kind: object) -> str:
    """The name of a device type in a language; empty if there is none."""
    return language.text(type_label(str(kind))) if kind else ""


@functools.cache
def _environment(language: Language) -> jinja2.Environment:
    """Records from other programs' logs may lack any key: missing values render as empty."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.ChainableUndefined,
        finalize=cleaned,
    )
    made.filters |= FILTERS
    made.tests |= TESTS
    made.filters["plural"] = language.plural
    made.filters["device_type"] = functools.partial(_device_type, language)
    made.globals["_"] = language.text
    if language.messages:
        made.add_extension(_Translating)
    made.globals |= {"parquet": installed(), "version": sensor.__version__, "severities": SEVERITIES[::-1]}
    return made
