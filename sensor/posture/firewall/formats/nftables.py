"""nftables (nft(8)): a separate table, so that reloading replaces it and one line undoes it. Elements of
sets expire.
"""

from __future__ import annotations

from sensor.posture.firewall.comments import heading, meaning, names_of
from sensor.posture.firewall.model import Block, Match, Request, Rule, block_text

# Before the usual filter chains (priority 0): a drop here is final, whatever those accept.
PRIORITY = -5
MARK = "#"
ALLOWS = True
# Replies and related errors, which an allow-list accepts.
ANSWERS = "\t\tct state established,related accept"

# Blocks of one end → name of their set.
Sets = dict[tuple[Block, ...], str]


def rules(request: Request) -> str:
    table, sets = _table(request), _sets(request)
    body = [f"add table inet {table}", f"delete table inet {table}", f"table inet {table} {{"]
    for blocks, name in sets.items():
        body += _set(request, name, blocks)
    body += ["\tchain forward {", f"\t\ttype filter hook forward priority {PRIORITY}; policy accept;"]
    body += [ANSWERS] if request.allows else []
    body += [
        f'\t\t{_condition(rule, sets)}counter {_verdict(request, rule)} comment "{meaning(request, rule)}"'
        for rule in request.rules
    ]
    how = "load: nft -f FILE, on the host that forwards between the two"
    return heading(request, MARK, how, by_itself=True) + "\n".join([*body, "\t}", "}", ""])


def _verdict(request: Request, rule: Rule) -> str:
    """Later chains may still drop what is accepted here."""
    if rule.allow:
        return "accept"
    return f'log prefix "{rule.name} " drop' if request.allows else "drop"


def undo(request: Request) -> str:
    return f"delete table inet {_table(request)}\n"


def _table(request: Request) -> str:
    return f"sensor_{request.id.replace('-', '_')}"


def _sets(request: Request) -> Sets:
    """Each end once: rules of both directions share sets."""
    ends = dict.fromkeys(blocks for rule in request.rules for blocks in (rule.sources, rule.destinations) if blocks)
    return {blocks: f"end{number}" for number, blocks in enumerate(ends, 1)}


def _set(request: Request, name: str, blocks: tuple[Block, ...]) -> list[str]:
    flags = "interval, timeout" if request.seconds else "interval"
    elements = [f"\t\t\t{_element(request, block)}," for block in blocks]
    return [
        f"\tset {name} {{",
        f"\t\ttype ipv{blocks[0].version}_addr",
        f"\t\tflags {flags}",
        "\t\telements = {",
        *elements,
        "\t\t}",
        "\t}",
    ]


def _element(request: Request, block: Block) -> str:
    whose = names_of(request, block)
    return (
        block_text(block)
        + (f" timeout {request.seconds}s" if request.seconds else "")
        + (f' comment "{whose}"' if whose else "")
    )


def _condition(rule: Rule, sets: Sets) -> str:
    family = "ip" if rule.version == 4 else "ip6"
    ends = ((side, blocks) for side, blocks in (("saddr", rule.sources), ("daddr", rule.destinations)) if blocks)
    return "".join(f"{family} {side} @{sets[blocks]} " for side, blocks in ends) + _service(rule.match)


def _service(match: Match) -> str:
    if not match.proto:
        return ""
    return f"{match.proto_text} dport {match.port} " if match.port else f"meta l4proto {match.proto_text} "
