"""PAN-OS: set commands for address objects, a service, and drop rules at the top of the rulebase."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.posture.firewall.comments import about, heading, names_of, object_name
from sensor.posture.firewall.model import Block, Request, Rule

MARK = "#"


def rules(request: Request) -> str:
    how = (
        (
            "load: paste the lines without # in configure mode, then commit. Panorama: 'set "
            "device-group NAME pre-rulebase' for 'set rulebase',"
        ),
        "and 'set shared address' for 'set address'",
    )
    body = [line for block in _blocks(request) for line in _address(request, block)] + list(_service(request))
    body += [line for rule in request.rules for line in _rule(request, rule)]
    # The last one moved is first.
    body += [f"move rulebase security rules {rule.name} top" for rule in reversed(request.rules)]
    return heading(request, MARK, *how) + "\n".join([*body, ""])


def undo(request: Request) -> str:
    lines = [f"delete rulebase security rules {rule.name}" for rule in request.rules]
    lines += [f"delete address {object_name(request, block)}" for block in _blocks(request)]
    return "\n".join([*lines, *([f"delete service {_named(request)}"] if _named(request) else []), ""])


def _blocks(request: Request) -> tuple[Block, ...]:
    return tuple(dict.fromkeys(block for rule in request.rules for block in (*rule.sources, *rule.destinations)))


def _address(request: Request, block: Block) -> Iterator[str]:
    name = object_name(request, block)
    yield f"set address {name} ip-netmask {block}"
    yield f'set address {name} description "{" ".join(filter(None, (names_of(request, block), about(request))))}"'


def _named(request: Request) -> str:
    """The name of its service; empty for all services."""
    match = request.rules[0].match
    return f"{request.id}-{match.proto_text}{f'-{match.port}' if match.port else ''}" if match.proto else ""


def _service(request: Request) -> Iterator[str]:
    if _named(request):
        match = request.rules[0].match
        yield f"set service {_named(request)} protocol {match.proto_text} port {match.port or '1-65535'}"


def _rule(request: Request, rule: Rule) -> Iterator[str]:
    start = f"set rulebase security rules {rule.name}"
    yield (
        f"{start} from any to any source {_ends(request, rule.sources)} destination {_ends(request, rule.destinations)}"
    )
    yield f"{start} application any service {_named(request) or 'any'} action drop log-end yes"
    yield f'{start} description "{about(request)}"'


def _ends(request: Request, blocks: tuple[Block, ...]) -> str:
    return f"[ {' '.join(object_name(request, block) for block in blocks)} ]" if blocks else "any"
