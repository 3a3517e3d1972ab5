"""What people do all day: files on a server, prints by way of a print server, a video call, a resolver that is kept
busy. Needs samba, smbclient, dnsmasq-base, bind9-dnsutils, snmp, socat.

Run it as ``python -m pcaps.lab.innocent.work [SCENE...]``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps._craft import Machine, Tape
from pcaps._office_hosts import ROUTER, printers
from pcaps._office_speech import rtp
from pcaps.lab._lab import Lab, record
from pcaps.lab._programs import file_server, smb

SERVANT = "10.20.10.9"


def files(lab: Lab) -> Iterator[None]:
    """Four people read and write letters, put up an installer, and rename a few things."""
    server = lab.host("files", SERVANT)
    share = file_server(lab, server, "team")
    for number in range(6):
        (share / f"letter-{number}.docx").write_bytes(b"PK\x03\x04" + bytes(5000))
    setup = lab.folder / "setup.exe"
    setup.write_bytes(b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(6000))
    note = lab.folder / "note.docx"
    note.write_bytes(b"PK\x03\x04" + bytes(3000))
    people = [lab.host(f"desk-{number}", f"10.20.10.{21 + number}") for number in range(4)]
    yield
    for number, one in enumerate(people):
        inward = "; ".join(f"get letter-{letter}.docx /dev/null" for letter in range(3))
        outward = "; ".join(f"put {note} note-{number}-{copy}.docx" for copy in range(3))
        more = f"put {setup} setup-{number}.exe; " if number == 0 else ""
        smb(
            lab,
            one,
            server,
            "team",
            (
                f"dir; {inward}; {outward}; {more}rename note-{number}-0.docx minutes-{number}.docx; del "
                f"note-{number}-1.docx; dir"
            ),
        )
        time.sleep(1)


def printing(lab: Lab) -> Iterator[None]:
    """A print server hands jobs on to three printers and asks them by SNMP how they are."""
    server, people = lab.host("prints", SERVANT), printers()[:3]
    yield
    hosts = [lab.inhabitant(one) for one in people]
    for host, one in zip(hosts, people, strict=True):
        lab.serve(host, "printer", port=9100)
        lab.serve(host, "agent", one.services[0][1], port=161, proto="udp")
    head, tail = (
        '\\033%%-12345X@PJL JOB NAME = "letter"\\r\\n@PJL ENTER LANGUAGE=PCLXL\\r\\n) HP-PCL XL;3;0\\r\\n',
        "\\033%%-12345X@PJL EOJ\\r\\n",
    )
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
    """Two people and a bridge outside: speech and pictures both ways for twelve seconds."""
    bridge = lab.outside("bridge", "198.51.100.90")
    far = Machine("bridge", "", bridge.ip, far=True)
    people = [Machine(f"desk-{last}", f"a4:bb:6d:00:10:{last:02x}", f"10.20.10.{last}", ttl=128) for last in (21, 22)]
    hosts = [lab.host(one.name, one.ip, one.mac) for one in people]
    yield
    tape = Tape(0, ROUTER.mac)
    for number, one in enumerate(people):
        for port, kind, size, step in ((50000, 111, 80, 0.06), (50010, 96, 260, 0.12)):
            packets = int(12 / step)
            rtp(
                tape,
                number * 0.5,
                one,
                far,
                port + number,
                3479 + (port > 50000),
                packets,
                kind=kind,
                size=size,
                step=step,
            )
            rtp(
                tape,
                number * 0.5 + 0.03,
                far,
                one,
                3479 + (port > 50000),
                port + number,
                packets,
                kind=kind,
                size=size,
                step=step,
            )
    lab.play(tape, *hosts)


def resolver(lab: Lab) -> Iterator[None]:
    """Six people ask for some hundred names: hosts of content networks, names with hashes in them, a few that do not
    exist.
    """
    server = lab.host("resolver", SERVANT)
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
    people = [lab.host(f"desk-{number}", f"10.20.10.{21 + number}") for number in range(6)]
    asked = lab.folder / "asked"
    yield
    for one in people:
        names = [
            *rng.sample(hosts, 45),
            "wpad.office.example",
            "printer-old.office.example",
            "_ldap._tcp.office.example",
        ]
        asked.write_text("\n".join(f"{name} A" for name in names) + "\n", encoding="ascii")
        lab.run(one, "dig", f"@{server.ip}", "+noall", "+noedns", "-f", str(asked))


if __name__ == "__main__":
    record(Path(__file__).parent, files=files, printing=printing, video_call=video_call, resolver=resolver)
