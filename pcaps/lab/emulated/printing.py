"""An IPP Everywhere printer (ippeveprinter of CUPS) announced by Avahi, and a computer that requests its attributes.
Needs cups-ipp-utils, avahi-daemon, dbus-daemon, curl.

Run it as ``python -m pcaps.lab.emulated.printing``.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.dissectors.ipp import BASE, KEYWORD, URI, ipp_message
from pcaps.lab._lab import Host, Lab, record


def announcer(lab: Lab, host: Host, name: str) -> str:
    """Avahi on its own D-Bus; returns the environment variable with the address of the bus."""
    bus = f"unix:path={lab.folder / host.name}.bus"
    lab.start(
        host,
        "dbus-daemon",
        "--config-file=/usr/share/dbus-1/session.conf",
        f"--address={bus}",
        "--nofork",
        "--nopidfile",
    )
    settings = lab.folder / f"{host.name}.avahi"
    settings.write_text(
        f"[server]\nhost-name={name}\nuse-ipv6=no\nallow-interfaces=eth0\n[wide-area]\nenable-wide-area=no\n",
        encoding="ascii",
    )
    (lab.folder / f"{host.name}.run").mkdir()
    daemon = (
        f"mount --bind {lab.folder / host.name}.run /run && mkdir /run/avahi-daemon && "
        f"exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {settings}"
    )
    lab.start(host, "env", f"DBUS_SYSTEM_BUS_ADDRESS={bus}", "sh", "-c", daemon, port=5353, proto="udp")
    return f"DBUS_SYSTEM_BUS_ADDRESS={bus}"


def printing(lab: Lab) -> Iterator[None]:
    printer, workstation = lab.host("printer", "10.20.10.41", "80:ce:62:5e:61:01"), lab.host("desk", "10.20.10.20")
    time.sleep(1)
    yield
    bus = announcer(lab, printer, "NPI5E6101")
    queue = (
        "ippeveprinter",
        "-k",
        "-p",
        "631",
        "-M",
        "HP",
        "-m",
        "LaserJet Pro M404dn",
        "-s",
        "10,5",
        "-d",
        str(lab.folder),
        "HP LaserJet Pro M404dn (5E6101)",
    )
    command = f"hostname NPI5E6101 && exec {shlex.join(queue)}"
    lab.start(printer, "env", bus, "unshare", "--uts", "sh", "-c", command, port=631)
    time.sleep(5)
    address = f"{printer.ip}:631/ipp/print"
    attributes = [*BASE, (URI, "printer-uri", f"ipp://{address}"), (KEYWORD, "requested-attributes", "all")]
    (lab.folder / "attributes.ipp").write_bytes(ipp_message(0x000B, 1, {1: attributes}))
    lab.run(
        workstation,
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-H",
        "Content-Type: application/ipp",
        "--data-binary",
        f"@{lab.folder / 'attributes.ipp'}",
        f"http://{address}",
    )
    time.sleep(2)


if __name__ == "__main__":
    record(Path(__file__).parent, printing=printing)
