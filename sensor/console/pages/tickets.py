"""Tickets: one for each fix, with the devices that need it."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.tickets import SORTS, TicketFilter, tickets

FACETS = ("state", "severity", "owner")


def page(request: PageRequest) -> Response:
    wanted, paging = request.filter(TicketFilter), request.paging("severity")
    with request.console.assessments.of(request.opened) as picture:
        policy, folder = request.console.assessments.policy, request.data.folder
        found = tickets(picture, folder, policy, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    return render(
        request, "tickets.jinja", "Tickets", page=found, wanted=wanted, paging=paging, sorts=tuple(SORTS), facets=FACETS
    )
