"""Tickets: one for each fix, with the devices that need it."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.tickets import SORTS, TicketFilter, tickets

FACETS = ("state", "severity", "owner")


def page(ask: PageRequest) -> Response:
    wanted, paging = ask.filter(TicketFilter), ask.paging("severity")
    with ask.console.assessments.of(ask.opened) as picture:
        policy, folder = ask.console.assessments.policy, ask.data.folder
        found = tickets(picture, folder, policy, wanted, paging.sort, limit=paging.limit, cursor=paging.cursor)
    return render(
        ask, "tickets.jinja", "Tickets", page=found, wanted=wanted, paging=paging, sorts=tuple(SORTS), facets=FACETS
    )
