"""The SNMP agent of Net-SNMP with the values of a printer, and a computer that requests them. Needs snmpd, snmp.

Run it as ``python -m pcaps.lab.emulated.management``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record

HOST_RESOURCES, PRINTER = "1.3.6.1.2.1.25.3.2.1.3.1", "1.3.6.1.2.1.43.5.1.1.17.1"
KYOCERA = {
    "description": "KYOCERA Document Solutions Printing System",
    "identity": "1.3.6.1.4.1.1347.41",
    "name": "KM5E6401",
}
VALUES = {
    HOST_RESOURCES: "ECOSYS M3655idn",
    PRINTER: "VXY5E6401",
    "1.3.6.1.4.1.1347.43.5.4.1.5.1.1": "2S7_2000.C03.010",
}


def agent(lab: Lab, host: Host, system: dict[str, str], values: dict[str, str]) -> None:
    """snmpd with the given values."""
    settings = lab.folder / f"{host.name}.snmpd"
    lines = [
        "rocommunity public",
        f"sysDescr {system['description']}",
        f"sysObjectID {system['identity']}",
        f"sysName {system['name']}",
    ]
    lines += [f'override {name} octet_str "{value}"' for name, value in values.items()]
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    lab.start(
        host,
        "snmpd",
        "-f",
        "-C",
        "-c",
        str(settings),
        "-Lo",
        "-I",
        "-hr_device,hr_proc",
        "udp:161",
        port=161,
        proto="udp",
    )


def management(lab: Lab) -> Iterator[None]:
    printer, workstation = lab.host("printer", "10.20.10.42", "00:17:c8:5e:64:01"), lab.host("desk", "10.20.10.20")
    agent(lab, printer, KYOCERA, VALUES)
    time.sleep(1)
    yield
    lab.run(workstation, "snmpwalk", "-v2c", "-c", "public", "-On", printer.ip, "1.3.6.1.2.1.1")
    lab.run(workstation, "snmpget", "-v2c", "-c", "public", "-On", printer.ip, *VALUES)
    time.sleep(2)


if __name__ == "__main__":
    record(Path(__file__).parent, management=management)
