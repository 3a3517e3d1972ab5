"""NUT 2.8.1: a client that lists the UPSs of a server and their variables, a monitor with a right password, a command
with a wrong one.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation

CLIENT, SERVER = (DESKTOP, "10.20.30.14"), (PBX, "10.20.30.5", 3493)
VARIABLES = (
    ("battery.charge", "100"), ("device.mfr", "American Power Conversion"), ("device.model", "Smart-UPS 1500"),
    ("device.serial", "AS1723244512"), ("ups.firmware", "UPS 09.3 / ID = 18"), ("ups.mfr", "American Power Conversion"),
    ("ups.model", "Smart-UPS 1500"), ("ups.status", "OL"),
)  # fmt: skip


def lines(*text: str) -> bytes:
    return "".join(f"{line}\n" for line in text).encode()


def listed(name: str) -> bytes:
    variables = [f'VAR {name} {variable} "{value}"' for variable, value in VARIABLES]
    return lines(f"BEGIN LIST VAR {name}", *variables, f"END LIST VAR {name}")


def exchange(*parts: tuple[str, str]) -> list[tuple[bool, bytes]]:
    return [part for command, reply in parts for part in ((True, lines(command)), (False, lines(reply)))]


def frames() -> Frames:
    begin = exchange(
        ("STARTTLS", "ERR FEATURE-NOT-CONFIGURED"),
        ("VER", "Network UPS Tools upsd 2.8.1 - https://www.networkupstools.org/"),
    )
    polled = [(True, lines("LIST VAR smart1500")), (False, listed("smart1500"))]
    end = exchange(("LOGOUT", "OK Goodbye"))
    yield from conversation((*CLIENT, 49540), SERVER, [*begin, *polled, *polled, *end])
    monitor = exchange(("USERNAME monitor", "OK"), ("PASSWORD secret1", "OK"), ("LOGIN smart1500", "OK"))
    yield from conversation((*CLIENT, 49541), SERVER, monitor)
    refused = exchange(
        ("USERNAME admin", "OK"), ("PASSWORD admin", "OK"), ("INSTCMD smart1500 load.off", "ERR ACCESS-DENIED")
    )
    yield from conversation((*CLIENT, 49542), SERVER, [*refused, *end])
