"""FortiOS (6.4 and later, where a policy holds both families): address objects, a group a side, a service, and deny policies."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sensor.posture.firewall.model import Block, Match, Request, Rule
from sensor.posture.firewall.words import about, heading, names_of, object_name

# Numbers of our policies: beyond those that people give, and made from the request, so that the undo text knows them.
FIRST_POLICY, POLICIES = 900_000_000, 10_000_000
MARK = "#"


def rules(request: Request) -> str:
    numbers = ", ".join(f"move {number} before N" for number in _policies(request).values())
    how = f"load: execute batch, or paste. Then, in 'config firewall policy', before the first policy N that would accept: {numbers}"
    blocks = _blocks(request)
    body = [*_addresses(request, blocks, 4), *_addresses(request, blocks, 6), *_services(request), "config firewall policy"]
    for rule, number in _policies(request).items():
        body += _policy(request, rule, number)
    return heading(request, MARK, how) + "\n".join([*body, "end", ""])


def undo(request: Request) -> str:
    blocks = _blocks(request)
    lines = ["config firewall policy", *(f"    delete {number}" for number in _policies(request).values()), "end"]
    for version, kind in ((4, "address"), (6, "address6")):
        mine = [block for block in blocks if block.version == version]
        if mine:
            lines += [f"config firewall {kind}", *(f'    delete "{object_name(request, block)}"' for block in mine), "end"]
    if _named(request):
        lines += ["config firewall service custom", f'    delete "{_named(request)}"', "end"]
    return "\n".join([*lines, ""])


def _policies(request: Request) -> dict[Rule, int]:
    first = FIRST_POLICY + zlib.crc32(request.id.encode()) % POLICIES * 8
    return {rule: first + number for number, rule in enumerate(request.rules)}


def _blocks(request: Request) -> tuple[Block, ...]:
    return tuple(dict.fromkeys(block for rule in request.rules for block in (*rule.sources, *rule.destinations)))


def _addresses(request: Request, blocks: tuple[Block, ...], version: int) -> Iterator[str]:
    mine = [block for block in blocks if block.version == version]
    if not mine:
        return
    yield "config firewall address" if version == 4 else "config firewall address6"
    for block in mine:
        yield f'    edit "{object_name(request, block)}"'
        yield f"        set subnet {block.network_address} {block.netmask}" if version == 4 else f"        set ip6 {block}"
        yield f'        set comment "{" ".join(filter(None, (names_of(request, block), about(request))))}"'
        yield "    next"
    yield "end"


def _named(request: Request) -> str:
    """The name of its service; empty where all are meant."""
    match = request.rules[0].match
    return f"{request.id}-{match.proto_text}{f'-{match.port}' if match.port else ''}" if match.proto else ""


def _services(request: Request) -> Iterator[str]:
    if _named(request):
        match: Match = request.rules[0].match
        yield from ("config firewall service custom", f'    edit "{_named(request)}"')
        yield from (f"        set {match.proto_text}-portrange {match.port or '1-65535'}", "    next", "end")


def _policy(request: Request, rule: Rule, number: int) -> Iterator[str]:
    suffix = "" if rule.version == 4 else "6"
    yield f"    edit {number}"
    yield f'        set name "{rule.name}"'
    yield from ('        set srcintf "any"', '        set dstintf "any"')
    yield f"        set srcaddr{suffix} {_ends(request, rule.sources)}"
    yield f"        set dstaddr{suffix} {_ends(request, rule.destinations)}"
    yield f'        set service "{_named(request) or "ALL"}"'
    yield from ("        set action deny", '        set schedule "always"', "        set logtraffic all")
    yield f'        set comments "{about(request)}"'
    yield "    next"


def _ends(request: Request, blocks: tuple[Block, ...]) -> str:
    return " ".join(f'"{object_name(request, block)}"' for block in blocks) or '"all"'
