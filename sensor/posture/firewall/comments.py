"""Text within rules: names that peers announce are reduced to characters that have no meaning in any rule language, and
the heading of each file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.posture.firewall.model import Block, Request, Rule

ENDING = {True: "by itself", False: "when an operator has to undo it"}
TEXT_LIMIT, HEADING_LIMIT, PARTIES_SHOWN = 100, 240, 40
# Letters beyond these end a quote, a comment or a line somewhere, begin a variable or a command, or ask for help in
# what is pasted ("?" in IOS and FortiOS).
_OTHER = re.compile(r"[^A-Za-z0-9 .,:_/()@+-]")


def plain(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text that no format can take for anything else; a blank at its end would be lost, so there is none."""
    return _OTHER.sub("_", text)[:limit].strip()


def object_name(request: Request, block: Block) -> str:
    """``fw-5k2m8q-10.20.10.62``, ``fw-5k2m8q-2001-db8--1``: names of objects have no colons and no slashes (PAN-OS,
    FortiOS).
    """
    bare = str(block) if block.prefixlen != block.max_prefixlen else str(block.network_address)
    return f"{request.id}-{bare.replace(':', '-').replace('/', '_')}"


def about(request: Request) -> str:
    """A rule in the few words of its comment; what does not fit is the last of it."""
    alerts = f", {' '.join(request.alerts[:3])}" if request.alerts else ""
    return plain(f"{request.id} until {request.until}{f', {request.comment}' if request.comment else ''}{alerts}")


def meaning(request: Request, rule: Rule) -> str:
    """The comment of one rule: the names that it is about, else what the request is."""
    return plain(f"{request.id} to {' '.join(rule.names)}") if rule.names else about(request)


def names_of(request: Request, block: Block) -> str:
    """The name of the address; empty if it has none."""
    for party in (*request.machines, *request.peers):
        if any(str(block.network_address) == text for text in party.texts):
            return plain(" ".join(filter(None, (party.kind, party.name))), 60)
    return ""


def heading(request: Request, mark: str, *how: str, by_itself: bool = False) -> str:
    """Comment lines: what, who, why, until when, and ``how`` to load it, which are our own words. ``by_itself``: it
    ends at its date.
    """
    lines = [
        f"{request.id}: {request.title}",
        f"expires: {request.until}, {ENDING[by_itself] if request.expires else 'so it lasts'}",
    ]
    lines += [f"comment: {request.comment}"] if request.comment else []
    lines += _parties(request)
    lines += [f"omitted (size limit): {request.left_out:,} more machines"] if request.left_out else []
    lines += [f"why: {one}" for one in request.reasons]
    lines += [f"alerts: {', '.join(request.alerts)}"] if request.alerts else []
    lines += request.notes
    return "".join(f"{mark} {line}\n" for line in (*(plain(line, HEADING_LIMIT) for line in lines), *how))


def _parties(request: Request) -> Iterator[str]:
    for word, parties in (
        ("machine", request.machines),
        ("cut off from", request.peers),
        ("left alone", request.allowed),
    ):
        yield from (f"{word}: {one.text}" for one in parties[:PARTIES_SHOWN])
        if len(parties) > PARTIES_SHOWN:
            yield f"{word}: and {len(parties) - PARTIES_SHOWN} more"
