"""Windows Firewall (PowerShell, New-NetFirewallRule): runs on the hosts themselves, so that it also works within a
segment, but only on Windows.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.posture.firewall.comments import about, heading
from sensor.posture.firewall.model import Block, Match, Request, Rule

MARK = "#"


def rules(request: Request) -> str:
    how = (
        (
            "load: run as administrator on each named Windows host, or by group policy; on other hosts "
            "the local addresses match nothing."
        ),
        "Cameras, phones and printers have no such firewall: use another format for them",
    )
    return heading(request, MARK, *how) + "".join(
        f"{line}\n" for rule in request.rules for line in _both(request, rule)
    )


def undo(request: Request) -> str:
    return f"Get-NetFirewallRule -Group '{request.id}' | Remove-NetFirewallRule\n"


def _both(request: Request, rule: Rule) -> Iterator[str]:
    """Outbound on the source host, inbound on the destination host."""
    if _ours(request, rule.sources):
        yield _line(request, rule, "Outbound", rule.sources, rule.destinations)
    if _ours(request, rule.destinations):
        yield _line(request, rule, "Inbound", rule.destinations, rule.sources)


def _ours(request: Request, blocks: tuple[Block, ...]) -> bool:
    """Whether these are internal hosts: external ones get no rules."""
    near = {text for party in request.machines for text in party.texts}
    return not request.outside or not blocks or any(str(block.network_address) in near for block in blocks)


def _line(request: Request, rule: Rule, direction: str, local: tuple[Block, ...], remote: tuple[Block, ...]) -> str:
    name = f"{rule.name}-{'out' if direction == 'Outbound' else 'in'}"
    words = [
        (
            f"New-NetFirewallRule -Name '{name}' -DisplayName '{name}' -Group '{request.id}' -Direction "
            f"{direction} -Action Block"
        )
    ]
    words += [f"-LocalAddress {_list(local)}"] if local else []
    words += [f"-RemoteAddress {_list(remote)}"] if remote else []
    return " ".join([*words, *_service(rule.match, direction), f"-Description '{about(request)}'"])


def _list(blocks: tuple[Block, ...]) -> str:
    return ",".join(
        f"'{block.network_address if block.prefixlen == block.max_prefixlen else block}'" for block in blocks
    )


def _service(match: Match, direction: str) -> Iterator[str]:
    if match.proto:
        yield f"-Protocol {match.proto_text.upper()}"
    if match.port:
        yield f"-{'RemotePort' if direction == 'Outbound' else 'LocalPort'} {match.port}"
