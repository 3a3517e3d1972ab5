"""Firewall rules for an alert: what they block, their side effects, and their text for a firewall."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.firewall import DAYS, shown
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.posture.firewall.formats import names
from sensor.views.alerts import alert
from sensor.views.errors import one_of

FORMAT, EXPIRES = "nftables", "7d"


def page(request: PageRequest) -> Response:
    row = alert(request.data, request.http.path_params["id"]).alert
    form, expires = request.first("format") or FORMAT, request.first("expires") or EXPIRES
    one_of("format", [form], names())
    one_of("expires", [expires], DAYS)
    with request.console.assessments.of(request.opened) as picture:
        found = shown(picture.view, row.id, form, expires)
    return render(
        request, "firewall.jinja", "Firewall", row=row, found=found, form=form, expires=expires, formats=names(),
        days=tuple(DAYS),
    )  # fmt: skip
