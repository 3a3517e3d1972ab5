"""Overview: open alerts, new devices, exposure of the site, and traffic that the sensor could not see."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from sensor.console.charts import histogram, line
from sensor.console.moments import now_ns
from sensor.console.page_request import PageRequest
from sensor.console.pages import overview_at
from sensor.console.pages.posture import target_of
from sensor.console.render import render
from sensor.console.visits import Visit
from sensor.core.moments import span_of
from sensor.core.time_units import MICROSECOND
from sensor.posture.scores.exposure import band_of
from sensor.posture.scores.trend import Day, day_of, read
from sensor.records.paths import records_folder
from sensor.records.query import NoRecords
from sensor.records.schedule import first_of
from sensor.views.alert_filter import AlertFilter
from sensor.views.alert_groups import number_of_alerts
from sensor.views.alerts import alerts
from sensor.views.devices import devices
from sensor.views.errors import NotReadable
from sensor.views.losses import unseen
from sensor.views.moments import health
from sensor.views.posture import posture
from sensor.views.since import RecentChanges, since
from sensor.views.stories import StoryFilter, incidents, recommendations
from sensor.views.vulnerabilities import AFFECTED, UNKNOWN, vulnerabilities

# The chart shows the newest alerts; its cost grows with the square of their number.
SHOWN, CHARTED = 8, 120
OPEN = ("open", "acknowledged")
# With more devices or alerts, the score takes too long for this page, which then has the one that was calculated last.
SCORED, SCORED_ALERTS = 2_000, 20_000
# Days of the trend; fixes of the exposure page.
DAYS, FIXES = 90, 4
# The difference of these times is linked.
YESTERDAY = "24h"


def page(request: PageRequest) -> Response:
    if request.first("at"):
        return overview_at.page(request)
    data = request.data
    found = alerts(data, AlertFilter(state=OPEN), "severity", limit=SHOWN)
    stories = incidents(data, StoryFilter(state=("open",)), "severity", limit=SHOWN)
    state, shown, visit = health(data), devices(data, sort="first", limit=SHOWN), _visit(request)
    days = _days(request)
    newest = alerts(data, AlertFilter(state=OPEN) if found.total else AlertFilter(), "last", limit=CHARTED)
    scored, unscored = None, ""
    try:
        scored = _scored(request, shown.total)
    except NotReadable as error:
        unscored = str(error)
    return render(
        request, "overview.jinja", "Overview", stories=stories, alerts=found, devices=shown,
        todo=recommendations(data, StoryFilter(state=("open",)), limit=SHOWN), unseen=unseen(state), health=state,
        closed=_closed(request), scored=scored, unscored=unscored, trend=_trend(days),
        stored=_last_score(request, days), band_of=band_of, visit=visit, since=_since(request, visit),
        yesterday=_has_yesterday(request),
        chart=histogram([(row.last, row.severity) for row in newest.rows]), charted=newest.total,
    )  # fmt: skip


def _visit(request: PageRequest) -> Visit | None:
    """The end of the user's visit before this one; None without one. A page that updates itself is no visit (Fetch
    Metadata Request Headers, W3C).
    """
    reads = request.http.headers.get("sec-fetch-dest", "document") == "document"
    seq, now = request.data.position.seq, now_ns() / 1e9
    return request.console.visits.come(request.who.name, request.dataset.name, seq, now, reads=reads)


def _since(request: PageRequest, visit: Visit | None) -> RecentChanges | None:
    return since(request.data, visit.seq, int(visit.seen * 1e9), request.who.name) if visit is not None else None


def _has_yesterday(request: PageRequest) -> bool:
    """Whether the traffic records have the state of a day before."""
    try:
        first = first_of(records_folder(request.dataset.log))
    except NoRecords:
        return False
    return 0 < first * MICROSECOND <= request.now - span_of(YESTERDAY)


def _closed(request: PageRequest) -> dict[str, Any]:
    """The most severe closed alerts and incidents: a page without them would look like an all-clear."""
    return {
        "alerts": alerts(request.data, AlertFilter(state=("closed",)), "severity", limit=SHOWN),
        "incidents": incidents(request.data, StoryFilter(state=("closed",)), "severity", limit=SHOWN),
    }


def _scored(request: PageRequest, total: int) -> dict[str, Any]:
    """Exposure of the site, its most effective fixes and its vulnerabilities. Raises NotReadable if they are unknown
    or take too long for this page.
    """
    if total > SCORED or number_of_alerts(request.data.base) > SCORED_ALERTS:
        raise NotReadable(
            f"With more than {SCORED:,} devices or {SCORED_ALERTS:,} alerts, this page calculates neither "
            "vulnerabilities nor the fixes that lower the exposure score most: see Vulnerabilities and Exposure."
        )
    with request.console.assessments.of(request.opened) as picture:
        site, found = posture(picture), vulnerabilities(picture, limit=1)
        fixes, verdicts = site.fixes[:FIXES], found.facets["verdict"]
        return {
            "site": site, "fixes": fixes, "targets": [target_of(request, fix) for fix in fixes],
            "affected": verdicts.get(AFFECTED, 0), "unclear": verdicts.get(UNKNOWN, 0),
        }  # fmt: skip


def _days(request: PageRequest) -> Sequence[Day]:
    """The scores that were stored once a day."""
    with contextlib.suppress(OSError):
        return read(request.dataset.folder).days[-DAYS:]
    return ()


def _last_score(request: PageRequest, days: Sequence[Day]) -> Day | None:
    """The score that was calculated last: for another page, such as Exposure, or the one of the last day."""
    last = days[-1] if days else None
    with contextlib.suppress(ValueError), request.console.assessments.at_hand(request.opened) as picture:
        if picture is not None and picture.is_scored:
            found = day_of(picture.site, picture.exposures)
            return found if last is None or found.ts >= last.ts else last
    return last


def _trend(days: Sequence[Day]) -> Any:
    """The stored scores as a line chart; None for fewer than two."""
    if len(days) < 2:
        return None
    label = f"exposure score of {len(days)} days, from {days[0].points:.0f} to {days[-1].points:.0f}"
    return line([day.points for day in days], 100.0, label)
