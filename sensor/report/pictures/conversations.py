"""Conversations as bands from clients on the left to servers on the right, whose width is the number of connections."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from sensor.report.model import Conversation
from sensor.report.pictures.svg import FAINT, INK, PALETTE, REST, WIDTH, fitting, path, picture, rect, text, width_of

LEFT, RIGHT, POST, TOP, GAP = 206.0, WIDTH - 206.0, 10.0, 28.0, 13.0
TALL, LEAST = 320.0, 2.0
THE_REST = ("others", "no known device")
DESCRIBED, LABEL = 6, 11.0


class _Ends:
    """The bars of one side: where each begins, and how much of it is used."""

    def __init__(self, sums: dict[str, float], order: Sequence[str]) -> None:
        self.order, self.sums = order, sums
        self.top: dict[str, float] = {}
        y = TOP
        for name in order:
            self.top[name] = y
            y += sums[name] + GAP
        self.bottom = y - GAP
        self._taken = dict(self.top)

    def take(self, name: str, height: float) -> float:
        """Position of the next band."""
        place = self._taken[name]
        self._taken[name] += height
        return place


def conversations(pairs: Sequence[Conversation]) -> Markup:
    """The picture; most connections on top."""
    total = sum(conversation.count for conversation in pairs)
    heights = {
        (conversation.client, conversation.server): max(TALL * conversation.count / total, LEAST)
        for conversation in pairs
    }
    left = _Ends(_sums(heights, 0), _ordered(_sums(heights, 0)))
    right = _Ends(_sums(heights, 1), _by_middle(heights, left))
    colours = {
        name: REST if name in THE_REST else PALETTE[place % len(PALETTE)] for place, name in enumerate(left.order)
    }
    bands = [
        _band(
            left.take(conversation.client, height),
            right.take(conversation.server, height),
            height,
            colours[conversation.client],
            _text(conversation),
        )
        for conversation in sorted(
            pairs,
            key=lambda conversation: (left.order.index(conversation.client), right.order.index(conversation.server)),
        )
        if (height := heights[conversation.client, conversation.server])
    ]
    posts = [*_posts(left, pairs, 0, colours), *_posts(right, pairs, 1, {})]
    heads = [text(LEFT, 12, "who asks", colour=FAINT, anchor="end"), text(RIGHT, 12, "who answers", colour=FAINT)]
    about = "; ".join(map(_text, pairs[:DESCRIBED]))
    return picture(
        "conversations",
        max(left.bottom, right.bottom) + 8,
        f"Conversations: {total:,}",
        about,
        [*heads, *bands, *posts],
    )


def _text(conversation: Conversation) -> str:
    return f"{conversation.client} → {conversation.server}: {conversation.count:,} ({', '.join(conversation.services)})"


def _sums(heights: dict[tuple[str, str], float], side: int) -> dict[str, float]:
    sums: dict[str, float] = {}
    for pair, height in heights.items():
        sums[pair[side]] = sums.get(pair[side], 0.0) + height
    return sums


def _ordered(sums: dict[str, float]) -> list[str]:
    """Most connections first, groups of others last."""
    return sorted(sums, key=lambda name: (name in THE_REST, -sums[name], name))


def _by_middle(heights: dict[tuple[str, str], float], left: _Ends) -> list[str]:
    """Servers at the height of their clients, so that few bands cross."""
    weighed: dict[str, float] = {}
    for (client, server), height in heights.items():
        weighed[server] = weighed.get(server, 0.0) + height * (left.top[client] + left.sums[client] / 2)
    sums = _sums(heights, 1)
    return sorted(sums, key=lambda name: (weighed[name] / sums[name], name))


def _band(one: float, other: float, height: float, colour: str, tip: str) -> Markup:
    start, end = LEFT + POST, RIGHT - POST
    middle = (start + end) / 2
    there = f"M{start:.1f},{one:.1f}C{middle:.1f},{one:.1f} {middle:.1f},{other:.1f} {end:.1f},{other:.1f}"
    back = (
        f"L{end:.1f},{other + height:.1f}C{middle:.1f},{other + height:.1f} "
        f"{middle:.1f},{one + height:.1f} {start:.1f},{one + height:.1f}Z"
    )
    return path(there + back, colour, tip, 0.5)


def _posts(ends: _Ends, pairs: Sequence[Conversation], side: int, colours: dict[str, str]) -> list[Markup]:
    """The bars of one side with their names and numbers of connections."""
    parts = []
    for name in ends.order:
        count = sum(
            conversation.count for conversation in pairs if (conversation.client, conversation.server)[side] == name
        )
        x, y, height = (RIGHT - POST if side else LEFT), ends.top[name], ends.sums[name]
        place, anchor = (RIGHT + 8, "start") if side else (LEFT - 8, "end")
        parts.append(rect(x, y, POST, max(height, 1.0), colours.get(name, FAINT), f"{name}: {count:,}", radius=1))
        label = fitting(name, LEFT - 10 - width_of(f" {count:,}", LABEL), LABEL)
        parts.append(text(place, y + height / 2 + 4, f"{label} {count:,}", colour=INK, size=LABEL, anchor=anchor))
    return parts
