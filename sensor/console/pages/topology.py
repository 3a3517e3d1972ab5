"""Network map: conversations and attacks between groups of devices, and attack paths; one group can be expanded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import quote

from msgspec import structs
from starlette.responses import Response

from sensor.console.drawing import Urls, drawing
from sensor.console.map_history import then_of
from sensor.console.page_request import PageRequest
from sensor.console.render import render
from sensor.console.template_filters import segment
from sensor.core.severities import SEVERITIES
from sensor.core.type_labels import type_label
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.views.attacks import Attacks, MapAttack
from sensor.views.conversations import ConversationFilter
from sensor.views.errors import Malformed, one_of
from sensor.views.paths import PathsView, cheapest
from sensor.views.topology import GROUPINGS, INTERNET, OTHERS, MapNode, Topology, topology

# Parameters of the page in addition to those of the conversations.
OWN = ("by", "opened", "paths", "attacks", "severity")
# Names of groups for readers, by grouping.
LABELS: dict[str, Callable[[str], str]] = {"type": type_label, "segment": segment}


def page(request: PageRequest) -> Response:
    wanted = request.filter(ConversationFilter, *OWN)
    by = request.first("by") or "type"
    opened = request.first("opened")
    with request.console.assessments.of(request.opened) as picture:
        then = then_of(request, picture) if request.first("at") else None
        paths = _paths(request, picture)
        along = paths.page.rows if paths is not None else ()
        found = _named(topology(picture, wanted, by, opened, then, along, _severity(request)), by)
        known = picture.site.nodes

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
        picture=drawing(found, Urls(url_of, partial(_alerts_url, request, known))),
        alerts_url=partial(_alerts_url, request, known),
        nodes=nodes,
        paths=paths,
        wanted=wanted,
        by=by,
        groupings=tuple(GROUPINGS),
        levels=_levels(request, found.attacks),
        group=LABELS[by](opened) if by in LABELS else opened,
        timely=True,
    )


def _severity(request: PageRequest) -> str | None:
    """Of the attacks on the map; None without them. Raises Unknown."""
    wanted = request.first("attacks")
    one_of("attacks", [wanted] if wanted else [], ("yes", "no"))
    return None if wanted == "no" else request.first("severity")


def _levels(request: PageRequest, shown: Attacks | None) -> list[tuple[str, str, str, bool]]:
    """The choices of attacks: severity, text, URL, and whether it is the current one."""
    chosen = request.first("severity") if shown is not None else None
    texts = {"": "all", **{one: f"{one} and above" for one in SEVERITIES[1:-1]}, SEVERITIES[-1]: SEVERITIES[-1]}
    choices = [
        (name, text, request.here(severity=name or None, attacks=None), name == chosen) for name, text in texts.items()
    ]
    return [*choices, ("", "none", request.here(severity=None, attacks="no"), shown is None)]


def _alerts_url(request: PageRequest, known: Mapping[str, Node], attack: MapAttack) -> str:
    """The page of a single alert, the list of several between two devices, otherwise the table of the map."""
    if attack.alerts == 1:
        return request.url(f"/alerts/{quote(attack.named[0].id)}")
    if request.first("at") or not {attack.source, attack.target} <= known.keys():
        return "#attacks"
    ends = {"source": attack.source, "target": attack.target, "severity": request.first("severity") or None}
    return request.url("/alerts", state=["open", "acknowledged"], **ends)


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
        raise Malformed("paths", wanted, "no time: attack paths are computed for the current state only")
    return cheapest(picture)
