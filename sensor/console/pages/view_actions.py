"""Save the view of a list, or remove one."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from sensor.console.page_request import PageRequest, parameters, url_of
from sensor.views.errors import one_of


def act(ask: PageRequest) -> Response:
    """Do it, and lead back to the list."""
    action, views = ask.field("action"), ask.console.views
    one_of("action", [action], ("save", "remove"))
    text = ask.field("name") if action == "save" else ask.field("number")
    ask.console.audit.add(ask.who.name, f"view {action}", peer=ask.peer, text=f"{ask.field('path')} {text}".strip())
    if action == "remove":
        return RedirectResponse(ask.url(views.remove(ask.field("number"))), 303)
    views.save(ask.field("path"), ask.field("name"), ask.who.name, ask.field("query"))
    kept = {name: values for name, values in parameters(ask.field("query")).items() if name != "done"}
    return RedirectResponse(url_of(ask.field("path"), kept), 303)
