"""Conversations of the learned baseline: which device uses which service of which other device or external host."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from sensor.core import addresses
from sensor.core.service_names import service_text
from sensor.inventory.habits import OUTSIDE, Habits, Use
from sensor.posture.picture import Picture
from sensor.posture.site import Node
from sensor.views.cached import once
from sensor.views.errors import Malformed, NotReadable, Unknown, one_of
from sensor.views.known_values import check, check_vlans
from sensor.views.listing import contains, facets_of, page_of
from sensor.views.page import Page, mark_of

DIRECTIONS = ("internal", "outbound", "inbound")


class ConversationFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``device``: id of either endpoint; ``address``: an address or a network of either endpoint; ``service``: such as
    ``smb/445``; times in ns, of when a conversation was last seen; ``type`` and ``vlan``: of either endpoint.
    """

    text: str = ""
    device: str = ""
    address: str = ""
    service: tuple[str, ...] = ()
    direction: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    vlan: tuple[int, ...] = ()
    since: int | None = None
    until: int | None = None


EVERY_CONVERSATION = ConversationFilter()


class EndRow(msgspec.Struct, frozen=True):
    """One endpoint. ``id``: of a device, else an address, or ``outside`` for all external hosts without a name;
    ``name``: for an external host its domain.
    """

    id: str
    name: str = ""
    address: str = ""
    type: str = ""
    segment: str = ""


class ConversationRow(msgspec.Struct, frozen=True):
    """``count``: number of hours in which it was seen, 0 if only the server was observed; times in ns."""

    client: EndRow
    server: EndRow
    service: str
    direction: str
    count: int
    first: int
    last: int


Row = TypeVar("Row", bound=ConversationRow)
SORTS: dict[str, Callable[[ConversationRow], Any]] = {
    "last": lambda row: -row.last,
    "first": lambda row: -row.first,
    "count": lambda row: -row.count,
    "service": lambda row: row.service,
    "client": lambda row: (row.client.name or row.client.address or row.client.id).casefold(),
    "server": lambda row: (row.server.name or row.server.address or row.server.id).casefold(),
}


def conversations(
    picture: Picture,
    wanted: ConversationFilter = EVERY_CONVERSATION,
    sort: str = "last",
    *,
    limit: int = 100,
    cursor: str = "",
) -> Page[ConversationRow]:
    """A page of conversations. Raises NotReadable if no inventory was read (conversations are then unknown, not
    absent), Unknown or Malformed for invalid arguments.
    """
    one_of("sort", [sort], SORTS)
    order = SORTS[sort]
    rows = sorted(matching(picture, wanted), key=lambda row: (order(row), row.client.id, row.server.id, row.service))
    fields: dict[str, Callable[[ConversationRow], str]] = {
        "service": lambda row: row.service, "direction": lambda row: row.direction,
        "client_type": lambda row: row.client.type or "unknown",
        "server_type": lambda row: row.server.type or "unknown",
    }  # fmt: skip
    return page_of(rows, _name, facets_of(rows, fields), mark_of("conversations", wanted, sort), limit, cursor)


def matching(
    picture: Picture, wanted: ConversationFilter, nodes: Mapping[str, Node] | None = None
) -> list[ConversationRow]:
    """All matching conversations. ``nodes``: the devices, if not those of the picture. Raises the same errors as
    ``conversations``.
    """
    nodes = picture.site.nodes if nodes is None else nodes
    one_of("direction", wanted.direction, DIRECTIONS)
    check("type", wanted.type)
    check_vlans(wanted.vlan)
    if picture.site.seen.habits is None:
        raise NotReadable("conversations are unknown: the dataset has no inventory")
    if wanted.device and wanted.device not in nodes:
        raise Unknown("id", wanted.device, nodes)
    rows = all_of(picture, nodes)
    return fitting(rows, wanted) if wanted != EVERY_CONVERSATION else list(rows)


def fitting(rows: Iterable[Row], wanted: ConversationFilter) -> list[Row]:
    """The rows that match a filter. Raises Malformed for an invalid address."""
    block = _block(wanted.address)
    return [row for row in rows if _fits(row, wanted, block)]


def all_of(picture: Picture, nodes: Mapping[str, Node]) -> Collection[ConversationRow]:
    """Every conversation once."""
    return _present(picture) if nodes is picture.site.nodes else _conversations(picture, nodes)


@once
def _present(picture: Picture) -> Collection[ConversationRow]:
    return _conversations(picture, picture.site.nodes)


def _conversations(picture: Picture, nodes: Mapping[str, Node]) -> Collection[ConversationRow]:
    """Both endpoints may have learned a conversation; the client's data has the count."""
    seen = picture.site.seen
    owners = {address: one.party.id for one in seen.machines.values() for address in one.party.texts}
    found: dict[str, ConversationRow] = {}
    for name, habits in (seen.habits or {}).items():
        for row in _of(nodes[name], habits, nodes, owners) if name in nodes else ():
            known = found.get(key := _name(row))
            if known is None or row.count > known.count:
                found[key] = row
    return found.values()


def _of(node: Node, habits: Habits, nodes: Mapping[str, Node], owners: Mapping[str, str]) -> Iterator[ConversationRow]:
    me, named = node_end(node), list(_external(habits))
    apart = {service for _, service, _ in named} if habits.reached is not None and not habits.reached.crowded else set()
    for (peer, service), use in habits.uses.items():
        if peer != OUTSIDE or service not in apart:
            yield _row(me, _end(peer, nodes, owners), service, use, use.count)
    for service, (use, clients) in habits.serves.items():
        for client in clients:
            yield _row(_end(client, nodes, owners), me, service, use, 0)
    for end, service, use in named:
        yield _row(me, end, service, use, use.count)


def _external(habits: Habits) -> Iterator[tuple[EndRow, int, Use]]:
    """External hosts that are known individually: those used by fixed-function devices."""
    if habits.reached is not None:
        for (name, service), named in habits.reached.names.items():
            yield EndRow(OUTSIDE, name, named.address), service, named
        for (address, service), use in habits.reached.addresses.items():
            yield EndRow(OUTSIDE, "", address), service, use


def _row(client: EndRow, server: EndRow, service: int, use: Use, count: int) -> ConversationRow:
    direction = "inbound" if client.id == OUTSIDE else "outbound" if server.id == OUTSIDE else "internal"
    return ConversationRow(client, server, service_text(service), direction, count, use.first, use.last)


def _end(name: str, nodes: Mapping[str, Node], owners: Mapping[str, str]) -> EndRow:
    """An endpoint as named in the baseline: a device, an address, or ``outside``."""
    node = nodes.get(name) or nodes.get(owners.get(name, ""))
    if node is not None:
        return node_end(node)
    return EndRow(name, address="" if name == OUTSIDE else name)


def node_end(node: Node) -> EndRow:
    """A device as an endpoint."""
    return EndRow(node.id, node.name, node.address, node.type or "unknown", node.segment)


def _fits(row: ConversationRow, wanted: ConversationFilter, block: tuple[int, int] | None) -> bool:
    ends = (row.client, row.server)
    segments = {f"vlan {vlan}" for vlan in wanted.vlan}
    return (
        (not wanted.device or any(one.id == wanted.device for one in ends))
        and (not wanted.service or row.service in wanted.service)
        and (not wanted.direction or row.direction in wanted.direction)
        and (not wanted.type or any(one.type in wanted.type for one in ends))
        and (not segments or any(one.segment in segments for one in ends))
        and (wanted.since is None or row.last >= wanted.since)
        and (wanted.until is None or row.last < wanted.until)
        and (block is None or any(_within(one.address, block) for one in ends))
        and (not wanted.text or contains(wanted.text, (row.service, *_texts(ends))))
    )


def _texts(ends: Iterable[EndRow]) -> Iterator[str]:
    for one in ends:
        yield from (one.id, one.name, one.address, one.type, one.segment)


def _block(text: str) -> tuple[int, int] | None:
    try:
        return addresses.parse_network(text) if text else None
    except ValueError:
        raise Malformed("address", text, "an address or a network such as 10.20.30.0/24") from None


def _within(address: str, block: tuple[int, int]) -> bool:
    try:
        return block[0] <= addresses.parse(address) <= block[1]
    except ValueError:
        return False


def _name(row: ConversationRow) -> str:
    return f"{row.client.id} {row.server.id} {row.server.name} {row.server.address} {row.service}"
