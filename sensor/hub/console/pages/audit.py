"""Audit log: it has the actions on all sites."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.page_request import PageRequest
from sensor.console.pages import audit
from sensor.console.security.session import Refused
from sensor.hub.console.pages.reading import reader_of


def page(request: PageRequest) -> Response:
    """Raises Refused for a user who may read some sites only."""
    if not reader_of(request).reads_all:
        raise Refused("The audit log lists actions on all sites: only users without a limit to sites can read it.")
    return audit.page(request)
