"""FortiOS (6.4 and later, where a policy covers both families): address objects, a group per side, a service, and deny
policies.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sensor.posture.firewall.comments import about, heading, names_of, object_name, plain
from sensor.posture.firewall.model import Block, Match, Request, Rule

# Limit of a host name in the name of its object, which has at most 79 characters.
HOST_LIMIT = 60
# Numbers of our policies: above usual ones, and derived from the request, so that the undo text can repeat them.
FIRST_POLICY, POLICIES = 900_000_000, 10_000_000
MARK = "#"
ALLOWS = True


def rules(request: Request) -> str:
    numbers = ", ".join(f"move {number} before N" for number in _policies(request).values())
    how = (
        "load: execute batch, or paste. Then, in 'config firewall policy', before the first policy N "
        f"that would accept the traffic: {numbers}"
    )
    blocks = _blocks(request)
    body = [
        *_addresses(request, blocks, 4),
        *_addresses(request, blocks, 6),
        *_hosts(request, 4),
        *_hosts(request, 6),
        *_services(request),
    ]
    body.append("config firewall policy")
    for rule, number in _policies(request).items():
        body += _policy(request, rule, number)
    return heading(request, MARK, how) + "\n".join([*body, "end", ""])


def undo(request: Request) -> str:
    blocks = _blocks(request)
    lines = ["config firewall policy", *(f"    delete {number}" for number in _policies(request).values()), "end"]
    for version, kind in ((4, "address"), (6, "address6")):
        mine = [
            *(object_name(request, block) for block in blocks if block.version == version),
            *_host_names(request, version),
        ]
        if mine:
            lines += [f"config firewall {kind}", *(f'    delete "{name}"' for name in mine), "end"]
    for name in _named(request):
        lines += ["config firewall service custom", f'    delete "{name}"', "end"]
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
        yield (
            f"        set subnet {block.network_address} {block.netmask}"
            if version == 4
            else f"        set ip6 {block}"
        )
        yield f'        set comment "{" ".join(filter(None, (names_of(request, block), about(request))))}"'
        yield "    next"
    yield "end"


def _host_names(request: Request, version: int) -> dict[str, str]:
    """Names of objects for host names."""
    return {
        f"{request.id}-{plain(name, HOST_LIMIT)}": name
        for rule in request.rules
        if rule.version == version
        for name in rule.names
    }


def _hosts(request: Request, version: int) -> Iterator[str]:
    if _host_names(request, version):
        yield "config firewall address" if version == 4 else "config firewall address6"
        for name, host in _host_names(request, version).items():
            yield from (
                f'    edit "{name}"',
                "        set type fqdn",
                f'        set fqdn "{plain(host, 255)}"',
                "    next",
            )
        yield "end"


def _service(request: Request, match: Match) -> str:
    """The name of a service; empty for all services."""
    return f"{request.id}-{match.proto_text}{f'-{match.port}' if match.port else ''}" if match.proto else ""


def _named(request: Request) -> dict[str, Match]:
    return {_service(request, rule.match): rule.match for rule in request.rules if rule.match.proto}


def _services(request: Request) -> Iterator[str]:
    for name, match in _named(request).items():
        yield from ("config firewall service custom", f'    edit "{name}"')
        yield from (f"        set {match.proto_text}-portrange {match.port or '1-65535'}", "    next", "end")


def _policy(request: Request, rule: Rule, number: int) -> Iterator[str]:
    suffix = "" if rule.version == 4 else "6"
    yield f"    edit {number}"
    yield f'        set name "{rule.name}"'
    yield from ('        set srcintf "any"', '        set dstintf "any"')
    yield f"        set srcaddr{suffix} {_ends(request, rule.sources)}"
    yield f"        set dstaddr{suffix} {_destinations(request, rule)}"
    yield f'        set service "{_service(request, rule.match) or "ALL"}"'
    yield from (
        f"        set action {'accept' if rule.allow else 'deny'}",
        '        set schedule "always"',
        "        set logtraffic all",
    )
    yield f'        set comments "{about(request)}"'
    yield "    next"


def _destinations(request: Request, rule: Rule) -> str:
    if rule.names:
        return " ".join(f'"{request.id}-{plain(name, HOST_LIMIT)}"' for name in rule.names)
    return _ends(request, rule.destinations)


def _ends(request: Request, blocks: tuple[Block, ...]) -> str:
    return " ".join(f'"{object_name(request, block)}"' for block in blocks) or '"all"'
