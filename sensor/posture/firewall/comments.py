"""Text within rules: peers' names are reduced to characters without a meaning in any rule language; and the heading of
each file.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.lazy_pattern import lazy_pattern
from sensor.posture.firewall.model import Block, Request, Rule

ENDING = {True: "by itself", False: "when an operator has to undo it"}
TEXT_LIMIT, HEADING_LIMIT, PARTIES_SHOWN = 100, 240, 40
# Other characters end a quote, a comment or a line in some language, begin a variable or a command, or request help
# when pasted ("?" in IOS and FortiOS).
_OTHER = lazy_pattern(r"[^A-Za-z0-9 .,:_/()@+-]")


def plain(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text that is literal in every format; without a trailing blank, which some formats lose."""
    return _OTHER.sub("_", text)[:limit].strip()


def object_name(request: Request, block: Block) -> str:
    """``fw-5k2m8q-10.20.10.62``, ``fw-5k2m8q-2001-db8--1``: object names have no colons and no slashes (PAN-OS,
    FortiOS).
    """
    bare = str(block) if block.prefixlen != block.max_prefixlen else str(block.network_address)
    return f"{request.id}-{bare.replace(':', '-').replace('/', '_')}"


def about(request: Request) -> str:
    """A short description of a request for comments, truncated at the end."""
    alerts = f", {' '.join(request.alerts[:3])}" if request.alerts else ""
    return plain(f"{request.id} until {request.until}{f', {request.comment}' if request.comment else ''}{alerts}")


def meaning(request: Request, rule: Rule) -> str:
    """The comment of one rule: its host names, otherwise the description of the request."""
    return plain(f"{request.id} to {' '.join(rule.names)}") if rule.names else about(request)


def names_of(request: Request, block: Block) -> str:
    """The names of the address; empty if it has none."""
    for party in (*request.machines, *request.peers):
        if any(str(block.network_address) == text for text in party.texts):
            return plain(" ".join(filter(None, (party.kind, party.name))), 60)
    return ""


def heading(request: Request, mark: str, *how: str, by_itself: bool = False) -> str:
    """Comment lines: what, who, why, until when, and ``how`` to load it, which is constant text. ``by_itself``: the
    rules expire without an operator.
    """
    lines = [
        f"{request.id}: {request.title}",
        f"expires: {request.until}, {ENDING[by_itself] if request.expires else 'so it lasts'}",
    ]
    lines += [f"comment: {request.comment}"] if request.comment else []
    lines += _parties(request)
    lines += [f"omitted (size limit): {request.left_out:,} more hosts"] if request.left_out else []
    lines += [f"why: {one}" for one in request.reasons]
    lines += [f"alerts: {', '.join(request.alerts)}"] if request.alerts else []
    lines += request.notes
    return "".join(f"{mark} {line}\n" for line in (*(plain(line, HEADING_LIMIT) for line in lines), *how))


def _parties(request: Request) -> Iterator[str]:
    for label, parties in (
        ("host", request.machines),
        ("blocked from", request.peers),
        ("not blocked", request.allowed),
    ):
        yield from (f"{label}: {one.text}" for one in parties[:PARTIES_SHOWN])
        if len(parties) > PARTIES_SHOWN:
            yield f"{label}: and {len(parties) - PARTIES_SHOWN} more"
