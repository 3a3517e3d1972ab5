"""The packets of an alert as a capture file for Wireshark."""

from __future__ import annotations

from starlette.responses import FileResponse, Response

from sensor.console.evidence import evidence_of
from sensor.console.page_request import PageRequest
from sensor.views.alerts import alert
from sensor.views.errors import NotReadable

MEDIA_TYPE = "application/vnd.tcpdump.pcap"


def page(request: PageRequest) -> Response:
    found = evidence_of(request.dataset, alert(request.data, request.http.path_params["id"]).alert, 0)
    if found.path is None:
        raise NotReadable(found.missing)
    return FileResponse(found.path, media_type=MEDIA_TYPE, filename=found.path.name)
