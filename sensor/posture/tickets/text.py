"""Text of a ticket that several formats share: facts by name, lines of devices, and a complete plain text, truncated to
the limit of a target.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sensor.core.phrases import counted
from sensor.core.type_labels import type_label
from sensor.posture.tickets.model import SETTING, Affected, Step, Ticket

NAMES_SHOWN = 20
# Above the reasons in a finished ticket: some devices are fixed, others gone, or part of another ticket.
CLOSED = "No longer needed. Reason for each device:"
# Characters that ``cut`` reserves for the line with the number of omitted entries.
_REST = 80


def facts(ticket: Ticket) -> list[tuple[str, str]]:
    """Known header facts."""
    pairs = (
        ("Priority", f"{ticket.priority}, {ticket.severity.name}"),
        ("Points", ticket.reckoned),
        ("Owner", ticket.owner),
        ("Due", ticket.due),
        ("First seen", f"{ticket.first[:19]}Z" if ticket.first else ""),
        ("Devices", devices_counted(ticket.devices)),
        ("CVEs" if ticket.kind != SETTING else "Setting", names_of(ticket.names)),
    )
    return [(name, value) for name, value in pairs if value]


def devices_counted(devices: Sequence[Affected]) -> str:
    """``14: 9 camera, 5 printer``."""
    kinds = Counter(type_label(one.type) for one in devices).most_common()
    return f"{len(devices):,}: {', '.join(f'{count:,} {kind}' for kind, count in kinds)}"


def names_of(names: Sequence[str], most: int = NAMES_SHOWN) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def step_text(step: Step) -> str:
    return f"{step.maker}: {step.text}" if step.maker else step.text


def device_line(one: Affected) -> str:
    """``10.0.0.7 (front-door, camera), Axis P3265 10.12.3, vlan 20, of Facilities, CVE-2023-21413; proof: …``."""
    sure = "" if one.sure else "unknown whether it is affected"
    parts = (one.text, one.product, one.segment, f"of {one.owner}" if one.owner else "", names_of(one.names, 3), sure)
    proof = f"; proof: {one.evidence}" if one.evidence else ""
    return ", ".join(filter(None, parts)) + proof


def headline(ticket: Ticket) -> str:
    """``P1: Telnet in use (14 devices)``."""
    return f"{ticket.priority}: {ticket.title} ({counted(len(ticket.devices), 'device')})"


def page(ticket: Ticket, limit: int = 0) -> str:
    """The complete text in lines, of at most ``limit`` characters (0: unlimited)."""
    blocks = [
        "\n".join(f"{name}: {value}" for name, value in facts(ticket)),
        _section("Why", ticket.why),
        _section("Steps", [step_text(one) for one in ticket.steps]),
        f"Verification:\n{ticket.test}" if ticket.test else "",
    ]
    tail = f"\n\n{ticket.id} of the network sensor: `sensor tickets show {ticket.id}` shows the remaining steps.\n"
    head = "\n\n".join(filter(None, blocks))
    head = (head[: limit - len(tail) - 2 * _REST] if limit else head) + "\n\nDevices:\n"
    lines = (f"- {device_line(one)}" for one in ticket.devices)
    return head + "\n".join(cut(lines, len(ticket.devices), limit - len(head) - len(tail) if limit else 0)) + tail


def cut(lines: Iterator[str], count: int, limit: int, cost: int = 1) -> Iterator[str]:
    """As many lines as fit, then the number of omitted ones; all without a limit. ``cost``: additional characters per
    line in the target.
    """
    used = 0
    for number, line in enumerate(lines):
        used += len(line) + cost
        if limit and used > limit - _REST:
            yield f"- and {count - number:,} more: see `sensor tickets export --format csv`"
            return
        yield line


def _section(name: str, lines: Sequence[str]) -> str:
    return f"{name}:\n" + "\n".join(f"- {line}" for line in lines) if lines else ""
