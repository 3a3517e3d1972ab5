"""pf.conf(5) of OPNsense, pfSense, FreeBSD and OpenBSD: a separate anchor, in the common grammar: lists, no tables,
no macros.
"""

from __future__ import annotations

from sensor.posture.firewall.comments import heading
from sensor.posture.firewall.model import Block, Match, Request, Rule

MARK = "#"


def rules(request: Request) -> str:
    how = (
        (
            f"load: pfctl -a {_anchor(request)} -f FILE, where pf.conf has the line 'anchor \"sensor/*\"' "
            "before its own rules"
        ),
        "open connections continue until they are killed: pfctl -k SOURCE -k DESTINATION",
    )
    return heading(request, MARK, *how) + "".join(f"{_line(rule)}\n" for rule in request.rules)


def undo(request: Request) -> str:
    return f"pfctl -a {_anchor(request)} -F rules\n"


def _anchor(request: Request) -> str:
    return f"sensor/{request.id}"


def _line(rule: Rule) -> str:
    family = "inet" if rule.version == 4 else "inet6"
    proto = f" proto {rule.match.proto_text}" if rule.match.proto else ""
    return (
        f"block drop log quick {family}{proto} from {_list(rule.sources)} to "
        f'{_list(rule.destinations)}{_port(rule.match)} label "{rule.name}"'
    )


def _list(blocks: tuple[Block, ...]) -> str:
    return "any" if not blocks else str(blocks[0]) if len(blocks) == 1 else f"{{ {', '.join(map(str, blocks))} }}"


def _port(match: Match) -> str:
    return f" port {match.port}" if match.port else ""
