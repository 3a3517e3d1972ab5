"""lldpd with LLDP-MED inventory, configured as a VoIP phone, a camera and a switch. Needs lldpd.

Run it as ``python -m pcaps.lab.emulated.lldp``.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record


def announce(lab: Lab, host: Host, kind: int, description: str, **inventory: str) -> None:
    """Starts the daemon while the link is down, configures the inventory with lldpcli, and sets the link up. ``kind``:
    LLDP-MED device class.
    """
    lab.run(host, "ip", "link", "set", "eth0", "down")
    lab.folder.chmod(0o755)  # lldpcli is not root
    control = lab.folder / f"{host.name}.socket"
    daemon = ("lldpd", "-d", "-u", str(control), "-S", description, "-I", "eth0", "-M", str(kind))
    lab.start(host, "unshare", "--uts", "sh", "-c", f"hostname {host.name} && exec {shlex.join(daemon)}")
    time.sleep(2)
    for name, value in inventory.items():
        lab.run(host, "lldpcli", "-u", str(control), "configure", "inventory", name.replace("_", "-"), value)
    lab.run(host, "ip", "link", "set", "eth0", "up")


def lldp(lab: Lab) -> Iterator[None]:
    phone = lab.host("SIP-T46S", "10.20.10.51", "80:5e:c0:5e:63:01")
    camera = lab.host("axis-accc8e5e6302", "10.20.10.61", "ac:cc:8e:5e:63:02")
    switch = lab.host("sw-3f", "10.20.10.3", "88:3a:30:5e:63:03")
    yield
    announce(lab, phone, 3, "66.86.0.15", manufacturer="YEALINK", model="SIP-T46S", software_revision="66.86.0.15")
    announce(lab, camera, 1, "AXIS P3245-LV Network Camera, 10.12.130", software_revision="10.12.130")
    announce(
        lab, switch, 4, "Aruba JL253A 2930F-24G-4SFP+ Switch, revision WC.16.10.0019", software_revision="WC.16.10.0019"
    )
    time.sleep(6)


if __name__ == "__main__":
    record(Path(__file__).parent, lldp=lldp)
