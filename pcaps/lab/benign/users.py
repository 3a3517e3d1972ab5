"""Benign traffic of users: files on a server, print jobs by a print server, a video call, many DNS queries. Needs
samba, smbclient, dnsmasq-base, bind9-dnsutils, snmp, socat.

Run it as ``python -m pcaps.lab.benign.users [SCENE...]``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps._capture import Capture, Host
from pcaps._office_hosts import ROUTER, printers
from pcaps._office_traffic import rtp
from pcaps.lab._lab import Lab, record
from pcaps.lab._programs import file_server, smb

SERVER = "10.20.10.9"


def files(lab: Lab) -> Iterator[None]:
    """Four users read and write documents; one uploads an installer, and files are renamed and deleted."""
    server = lab.host("files", SERVER)
    share = file_server(lab, server, "team")
    for number in range(6):
        (share / f"letter-{number}.docx").write_bytes(b"PK\x03\x04" + bytes(5000))
    setup = lab.folder / "setup.exe"
    setup.write_bytes(b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(6000))
    note = lab.folder / "note.docx"
    note.write_bytes(b"PK\x03\x04" + bytes(3000))
    devices = [lab.host(f"desk-{number}", f"10.20.10.{21 + number}") for number in range(4)]
    yield
    for number, device in enumerate(devices):
        downloads = "; ".join(f"get letter-{letter}.docx /dev/null" for letter in range(3))
        uploads = "; ".join(f"put {note} note-{number}-{copy}.docx" for copy in range(3))
        more = f"put {setup} setup-{number}.exe; " if number == 0 else ""
        smb(
            lab,
            device,
            server,
            "team",
            (
                f"dir; {downloads}; {uploads}; {more}rename note-{number}-0.docx minutes-{number}.docx; del "
                f"note-{number}-1.docx; dir"
            ),
        )
        time.sleep(1)


def printing(lab: Lab) -> Iterator[None]:
    """A print server sends jobs to three printers and polls their status by SNMP."""
    server, devices = lab.host("prints", SERVER), printers()[:3]
    yield
    hosts = [lab.device(device) for device in devices]
    for host, device in zip(hosts, devices, strict=True):
        lab.serve(host, "printer", port=9100)
        lab.serve(host, "agent", device.services[0][1], port=161, proto="udp")
    head = '\\033%%-12345X@PJL JOB NAME = "letter"\\r\\n@PJL ENTER LANGUAGE=PCLXL\\r\\n) HP-PCL XL;3;0\\r\\n'
    tail = "\\033%%-12345X@PJL EOJ\\r\\n"
    job = f"printf '{head}'; head -c 6000 /dev/zero; printf '{tail}'"
    for _ in range(3):
        for host in hosts:
            lab.run(server, "sh", "-c", f"({job}) | socat -t 1 - TCP:{host.ip}:9100")
            lab.run(
                server,
                "snmpget",
                "-v1",
                "-c",
                "public",
                "-t",
                "1",
                host.ip,
                "1.3.6.1.2.1.25.3.5.1.1.1",
                "1.3.6.1.2.1.43.10.2.1.4.1.1",
            )


def video_call(lab: Lab) -> Iterator[None]:
    """Two participants and an external relay: audio and video in both directions for twelve seconds."""
    bridge = lab.external("bridge", "198.51.100.90")
    remote = Host("bridge", "", bridge.ip, remote=True)
    devices = [Host(f"desk-{last}", f"a4:bb:6d:00:10:{last:02x}", f"10.20.10.{last}", ttl=128) for last in (21, 22)]
    hosts = [lab.host(device.name, device.ip, device.mac) for device in devices]
    yield
    capture = Capture(0, ROUTER.mac)
    for number, device in enumerate(devices):
        for port, kind, size, step in ((50000, 111, 80, 0.06), (50010, 96, 260, 0.12)):
            packets = int(12 / step)
            rtp(
                capture,
                number * 0.5,
                device,
                remote,
                port + number,
                3479 + (port > 50000),
                packets,
                kind=kind,
                size=size,
                step=step,
            )
            rtp(
                capture,
                number * 0.5 + 0.03,
                remote,
                device,
                3479 + (port > 50000),
                port + number,
                packets,
                kind=kind,
                size=size,
                step=step,
            )
    lab.replay(capture, *hosts)


def resolver(lab: Lab) -> Iterator[None]:
    """Six clients query about a hundred names: hosts of CDNs, names with hashes, a few names that do not exist."""
    server = lab.host("resolver", SERVER)
    rng = random.Random("names")
    hosts = [f"d{rng.getrandbits(52):013x}.cdn.example" for _ in range(40)] + [
        f"{rng.getrandbits(64):016x}.blob.store.example" for _ in range(20)
    ]
    hosts += [
        f"{word}.{name}.example"
        for name in ("news", "bank", "shop", "mail", "maps", "video")
        for word in ("www", "api", "img", "static", "login")
    ]
    known = [
        f"--address=/{domain}/198.51.100.{number}"
        for number, domain in enumerate(("cdn.example", "store.example", "news.example", "bank.example"), 1)
    ]
    known += [
        f"--address=/{name}.example/198.51.100.{number}"
        for number, name in enumerate(("shop", "mail", "maps", "video"), 10)
    ]
    lab.start(
        server,
        "dnsmasq",
        "-k",
        "--conf-file=/dev/null",
        "--no-hosts",
        "--no-resolv",
        "--local=/example/",
        "--user=root",
        *known,
        port=53,
        proto="udp",
    )
    devices = [lab.host(f"desk-{number}", f"10.20.10.{21 + number}") for number in range(6)]
    queries = lab.folder / "queries"
    yield
    for device in devices:
        names = [
            *rng.sample(hosts, 45),
            "wpad.office.example",
            "printer-old.office.example",
            "_ldap._tcp.office.example",
        ]
        queries.write_text("\n".join(f"{name} A" for name in names) + "\n", encoding="ascii")
        lab.run(device, "dig", f"@{server.ip}", "+noall", "+noedns", "-f", str(queries))


if __name__ == "__main__":
    record(Path(__file__).parent, files=files, printing=printing, video_call=video_call, resolver=resolver)
