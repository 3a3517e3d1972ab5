"""Save the view of a list, or remove a saved view."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from sensor.console.page_request import PageRequest, parameters, url_of
from sensor.views.errors import one_of


def act(request: PageRequest) -> Response:
    """Perform the action and redirect to the list."""
    action, views = request.field("action"), request.console.views
    one_of("action", [action], ("save", "remove"))
    text = request.field("name") if action == "save" else request.field("number")
    request.console.audit.add(
        request.who.name, f"view {action}", peer=request.peer, text=f"{request.field('path')} {text}".strip()
    )
    if action == "remove":
        return RedirectResponse(request.url(views.remove(request.field("number"))), 303)
    views.save(request.field("path"), request.field("name"), request.who.name, request.field("query"))
    kept = {name: values for name, values in parameters(request.field("query")).items() if name != "done"}
    return RedirectResponse(url_of(request.field("path"), kept), 303)
