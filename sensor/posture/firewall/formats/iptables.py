"""iptables-restore(8), IPv4: a separate chain, which is entered first from FORWARD. ``ip6tables`` is the same for
IPv6.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.posture.firewall.comments import heading, meaning, names_of
from sensor.posture.firewall.model import Block, Match, Request, Rule

WARNING = "WITHOUT --noflush ALL OTHER RULES OF THE TABLE ARE LOST"
COMMENT_LIMIT = 255
MARK = "#"
ALLOWS = True


def rules(request: Request) -> str:
    return written(request, 4, "iptables")


def undo(request: Request) -> str:
    return undone(request, 4)


def written(request: Request, version: int, program: str) -> str:
    """The rules of one family; only a heading if it has none."""
    mine = [rule for rule in request.rules if rule.version == version]
    if not mine:
        return heading(
            request,
            MARK,
            f"no rule: no IPv{version} address is affected; see --format {'ip6tables' if version == 4 else 'iptables'}",
        )
    how = [f"load: {program}-restore --noflush FILE, on the host that forwards between the two. {WARNING}"]
    if len(mine) != len(request.rules):
        how.append(
            f"IPv{10 - version} addresses are affected as well: see --format "
            f"{'ip6tables' if version == 4 else 'iptables'}"
        )
    chain = _chain(request)
    answers = [f"-A {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"] if request.allows else []
    body = [
        "*filter",
        f":{chain} - [0:0]",
        f"-I FORWARD 1 -j {chain}",
        *answers,
        *(line for rule in mine for line in _lines(request, rule)),
        "COMMIT",
        "",
    ]
    return heading(request, MARK, *how) + "\n".join(body)


def undone(request: Request, version: int) -> str:
    chain = _chain(request)
    if not any(rule.version == version for rule in request.rules):
        return f"# nothing to undo: {request.id} has no rule for IPv{version}\n"
    return f"*filter\n-D FORWARD -j {chain}\n-F {chain}\n-X {chain}\nCOMMIT\n"


def _chain(request: Request) -> str:
    return f"SENSOR-{request.id}"


def _lines(request: Request, rule: Rule) -> Iterator[str]:
    for source in rule.sources or (None,):
        for destination in rule.destinations or (None,):
            whose = " to ".join(
                filter(None, (names_of(request, one) for one in (source, destination) if one is not None))
            )
            comment = ", ".join(filter(None, (whose, meaning(request, rule))))[:COMMENT_LIMIT]
            condition = f"-A {_chain(request)} {_end('-s', source)}{_end('-d', destination)}{_service(rule.match)}"
            if request.allows and not rule.allow:
                yield f'{condition}-j LOG --log-prefix "{rule.name} "'
            yield f'{condition}-m comment --comment "{comment}" -j {"RETURN" if rule.allow else "DROP"}'


def _end(option: str, block: Block | None) -> str:
    return f"{option} {block} " if block is not None else ""


def _service(match: Match) -> str:
    if not match.proto:
        return ""
    name = match.proto_text
    return f"-p {name} -m {name} --dport {match.port} " if match.port else f"-p {name} "
