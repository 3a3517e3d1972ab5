"""Schedules of reports, added and removed by pages and the API, with an entry in the audit log before the change."""

from __future__ import annotations

from sensor.console.page_request import PageRequest
from sensor.console.report_store import NewSchedule
from sensor.views.errors import Unknown


def schedule_report(request: PageRequest, new: NewSchedule, dataset: str) -> None:
    """Raises Unknown, Malformed; Refused if the user may not read the dataset."""
    request.reports.check(new, dataset)
    _audit(request, "report schedule", f"{new.name}: each {new.every}, {new.format}", dataset)
    request.reports.add(new, dataset, request.who.name)


def unschedule_report(request: PageRequest, name: str) -> None:
    """Raises Unknown."""
    known = {one.name: one.dataset for one in request.reports.schedules()}
    if name not in known:
        raise Unknown("name", name, known)
    _audit(request, "report unschedule", name, known[name])
    request.reports.remove(name)


def _audit(request: PageRequest, action: str, text: str, dataset: str) -> None:
    request.console.audit.add(request.who.name, action, peer=request.peer, dataset=dataset, text=text)
