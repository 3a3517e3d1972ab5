"""Network map: flows between groups of devices, and attack paths; one group can be expanded."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs
from starlette.responses import Response

from sensor.console.drawing import drawing
from sensor.console.map_history import then_of
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.template_filters import segment
from sensor.core.type_labels import type_label
from sensor.posture.picture import Picture
from sensor.views.conversations import ConversationFilter
from sensor.views.errors import Malformed, one_of
from sensor.views.paths import PathsView, cheapest
from sensor.views.topology import GROUPINGS, INTERNET, OTHERS, MapNode, Topology, topology

# Names of groups for readers, by grouping.
LABELS: dict[str, Callable[[str], str]] = {"type": type_label, "segment": segment}


def page(request: PageRequest) -> Response:
    wanted = request.filter(ConversationFilter, "by", "opened", "paths")
    by = request.first("by") or "type"
    opened = request.first("opened")
    with request.console.assessments.of(request.opened) as picture:
        then = then_of(request, picture) if request.first("at") else None
        paths = _paths(request, picture)
        along = paths.page.rows if paths is not None else ()
        found, known = _named(topology(picture, wanted, by, opened, then, along), by), picture.site.nodes

    def url_of(node: MapNode) -> str:
        if node.device in known:
            return request.url(f"/devices/{node.device}")
        return request.here(opened=None if node.device or node.id in (INTERNET, OTHERS, opened) else node.id)

    nodes = {node.id: (node, url_of(node)) for node in found.nodes}
    return render(
        request,
        "map.jinja",
        "Map",
        found=found,
        picture=drawing(found, url_of),
        nodes=nodes,
        paths=paths,
        wanted=wanted,
        by=by,
        groupings=tuple(GROUPINGS),
        group=LABELS[by](opened) if by in LABELS else opened,
        timely=True,
    )


def _named(found: Topology, by: str) -> Topology:
    """With names of device types and segments for readers on groups."""
    if by not in LABELS:
        return found
    nodes = [one if one.device else structs.replace(one, name=LABELS[by](one.name)) for one in found.nodes]
    return structs.replace(found, nodes=nodes)


def _paths(request: PageRequest, picture: Picture) -> PathsView | None:
    """The cheapest attack paths, if the URL requests them. Raises Unknown; Malformed for a past state."""
    wanted = request.first("paths")
    one_of("paths", [wanted] if wanted else [], ("yes", "no"))
    if wanted != "yes":
        return None
    if request.first("at"):
        raise Malformed("paths", wanted, "no time: attack paths are of the present")
    return cheapest(picture)
