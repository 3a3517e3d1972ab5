"""Network map: conversations between groups of devices; one group can be opened."""

from __future__ import annotations

from starlette.responses import Response

from sensor.console.drawing import described, drawing
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.views.conversations import ConversationFilter
from sensor.views.topology import GROUPINGS, INTERNET, OTHERS, MapNode, topology


def page(ask: PageRequest) -> Response:
    wanted, by, opened = (
        ask.filter(ConversationFilter, "by", "opened"),
        ask.first("by") or "type",
        ask.first("opened"),
    )
    with ask.console.assessments.of(ask.opened) as picture:
        found, known = topology(picture, wanted, by, opened), picture.site.nodes

    def url_of(node: MapNode) -> str:
        if node.device in known:
            return ask.url(f"/devices/{node.device}")
        return ask.here(opened=None if node.device or node.id in (INTERNET, OTHERS, opened) else node.id)

    nodes = {node.id: (node, url_of(node)) for node in found.nodes}
    return render(
        ask,
        "map.jinja",
        "Map",
        found=found,
        picture=drawing(found, url_of),
        nodes=nodes,
        described=described,
        wanted=wanted,
        by=by,
        groupings=tuple(GROUPINGS),
        group=opened,
    )
