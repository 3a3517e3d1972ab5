"""Junos (EX, MX, SRX): a firewall filter per family with editable prefix lists, which discards the matches and accepts
the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.posture.firewall.comments import about, heading, names_of
from sensor.posture.firewall.model import Block, Request, Rule

FAMILIES = {4: "inet", 6: "inet6"}
MARK = "#"


def rules(request: Request) -> str:
    how = (
        (
            "load: load set terminal. Then bind it to the interface of the sources: set interfaces NAME unit N "
            f"family inet filter input {request.id};"
        ),
        f"if a filter is bound already: filter input-list [ {request.id} OTHER ], without its last term",
    )
    return heading(request, MARK, *how) + "\n".join(
        [*(line for version in FAMILIES for line in _filter(request, version)), ""]
    )


def undo(request: Request) -> str:
    used = [version for version in FAMILIES if any(rule.version == version for rule in request.rules)]
    lines = [f"delete firewall family {FAMILIES[version]} filter {request.id}" for version in used]
    lines += [
        f"delete policy-options prefix-list {name}"
        for rule in request.rules
        for name, blocks in _lists(rule).items()
        if blocks
    ]
    return "\n".join([*lines, ""])


def _lists(rule: Rule) -> dict[str, tuple[Block, ...]]:
    return {f"{rule.name}-from": rule.sources, f"{rule.name}-to": rule.destinations}


def _filter(request: Request, version: int) -> Iterator[str]:
    mine = [rule for rule in request.rules if rule.version == version]
    start = f"set firewall family {FAMILIES[version]} filter {request.id}"
    for rule in mine:
        for name, blocks in _lists(rule).items():
            for block in blocks:
                yield from _prefix(request, name, block)
        yield from _term(f"{start} term {rule.name}", rule)
    if mine:
        yield f"# {about(request)}"
        yield f"{start} term rest then accept"


def _prefix(request: Request, name: str, block: Block) -> Iterator[str]:
    whose = names_of(request, block)
    if whose:
        yield f"# {block} {whose}"
    yield f"set policy-options prefix-list {name} {block}"


def _term(start: str, rule: Rule) -> Iterator[str]:
    for side, (name, blocks) in zip(("source", "destination"), _lists(rule).items(), strict=True):
        if blocks:
            yield f"{start} from {side}-prefix-list {name}"
    if rule.match.proto:
        yield f"{start} from {'protocol' if rule.version == 4 else 'next-header'} {rule.match.proto_text}"
    if rule.match.port:
        yield f"{start} from destination-port {rule.match.port}"
    yield f"{start} then count {rule.name}"
    yield f"{start} then discard"
