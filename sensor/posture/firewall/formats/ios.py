"""Cisco IOS and IOS-XE: a named access list per family, which denies the matches and permits the rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from sensor.posture.firewall.comments import about, heading, names_of, plain
from sensor.posture.firewall.model import Block, Match, Request, Rule

# Longest remark.
REMARK_LIMIT = 100
MARK = "!"
ALLOWS = True


def rules(request: Request) -> str:
    how = _how_to_allow() if request.allows else _how_to_deny()
    return heading(request, MARK, *how) + "\n".join(
        [*(line for version in (4, 6) for line in _list(request, version)), ""]
    )


def _how_to_allow() -> tuple[str, ...]:
    return (
        (
            "load: paste in configuration mode. Bind the list where the devices are, both ways: 'ip "
            "access-group NAME in' and 'ip access-group NAME out'"
        ),
        ("('ipv6 traffic-filter NAME in' and 'out'); it permits the replies too, because access lists are stateless"),
    )


def _how_to_deny() -> tuple[str, ...]:
    return (
        (
            "load: paste in configuration mode. An interface without a list: 'ip access-group NAME in' "
            "('ipv6 traffic-filter NAME in'), on the interface of the sources;"
        ),
        "if a list is bound already, insert these deny lines before its first permit",
    )


def undo(request: Request) -> str:
    used = [version for version in (4, 6) if any(rule.version == version for rule in request.rules)]
    return "".join(f"no {_head(request, version)}\n" for version in used)


def _head(request: Request, version: int) -> str:
    return (
        f"ip access-list extended SENSOR-{request.id}" if version == 4 else f"ipv6 access-list SENSOR-{request.id}-v6"
    )


def _list(request: Request, version: int) -> Iterator[str]:
    mine = [rule for rule in request.rules if rule.version == version]
    if not mine:
        return
    yield _head(request, version)
    yield f" remark {about(request)}"[: REMARK_LIMIT + 8]
    yield from _replies(mine, version)
    for rule in mine:
        for source, destination in _pairs(rule):
            yield from _line(request, rule, source, destination)
    yield " permit ip any any" if version == 4 else " permit ipv6 any any"


def _replies(mine: Sequence[Rule], version: int) -> Iterator[str]:
    """The replies that an allow-list permits precede all that it denies: access lists are stateless, and a reply of a
    device matches the line that denies what the device begins. Neighbor discovery (RFC 4861) is permitted implicitly
    only by lists without a line that denies all.
    """
    allowed = [rule for rule in mine if rule.allow]
    if not allowed:
        return
    if version == 6:
        yield from (" permit icmp any any nd-na", " permit icmp any any nd-ns")
    yield " remark replies"
    for rule in allowed:
        proto = _proto(rule)
        established = " established" if proto == "tcp" else ""
        for source, destination in _pairs(rule):
            yield f" permit {proto} {_end(destination)}{_port(rule.match)} {_end(source)}{established}"


def _line(request: Request, rule: Rule, source: Block | None, destination: Block | None) -> Iterator[str]:
    whose = " to ".join(filter(None, (names_of(request, one) for one in (source, destination) if one is not None)))
    if whose := " to ".join(filter(None, (whose, " ".join(rule.names)))):
        yield f" remark {plain(whose, REMARK_LIMIT)}"
    action, log = ("permit", "") if rule.allow else ("deny", " log")
    yield f" {action} {_proto(rule)} {_end(source)} {_end(destination)}{_port(rule.match)}{log}"


def _pairs(rule: Rule) -> Iterator[tuple[Block | None, Block | None]]:
    return itertools.product(rule.sources or (None,), rule.destinations or (None,))


def _proto(rule: Rule) -> str:
    return rule.match.proto_text or ("ip" if rule.version == 4 else "ipv6")


def _end(block: Block | None) -> str:
    """An address; IPv4 with the inverted mask of access lists."""
    if block is None:
        return "any"
    if block.prefixlen == block.max_prefixlen:
        return f"host {block.network_address}"
    return f"{block.network_address} {block.hostmask}" if block.version == 4 else str(block)


def _port(match: Match) -> str:
    return f" eq {match.port}" if match.port else ""
