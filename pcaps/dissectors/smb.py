"""SMB 3: remote service execution (NTLM authentication, ADMIN$ and IPC$, a program copied, a named pipe), a rename and
a deletion in compound requests; a rejected login; encryption.

Then SMB 1 over a NetBIOS session: a LANMAN login and an NTLM login, a file, a named pipe, a transaction; and a
connection segmented inside messages.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import DESKTOP, PBX, PRINTER, Frames, conversation
from pcaps.dissectors._smb import (
    netbios_name,
    ntlm_authenticate,
    ntlm_challenge,
    ntlm_negotiate,
    session,
    smb1,
    smb2,
    spnego,
    version,
    wide,
)

MORE, REFUSED = 0xC0000016, 0xC000006D
CLIENT_VERSION, SERVER_VERSION = version(10, 0, 19041), version(10, 0, 17763)
TARGET = {2: "OFFICE", 1: "FILES-1", 4: "office.example", 3: "files-1.office.example"}
GUID = bytes(range(16))
BIND = b"\5\0\x0b\3\x10\0\0\0\x48\0\0\0\1\0\0\0" + bytes(56)
Parts = list[tuple[bool, bytes]]


def negotiate() -> bytes:
    dialects = (0x0202, 0x0210, 0x0300, 0x0302, 0x0311)
    return struct.pack("<HHHHI16sIHH", 36, len(dialects), 1, 0, 0x7F, GUID, 0, 0, 0) + struct.pack("<5H", *dialects)


def negotiated() -> bytes:
    contexts = struct.pack("<HHI6x2x", 1, 6, 0) + struct.pack("<HHI", 3, 10, 0) + struct.pack("<HHIH", 1, 0, 0, 1)
    return (
        struct.pack("<HHHH16sIIIIQQHHI", 65, 3, 0x0311, 2, GUID, 0x2F, 8 << 20, 8 << 20, 8 << 20, 0, 0, 128, 0, 128)
        + contexts
    )


def setup(token: bytes) -> bytes:
    return struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0) + token


def setup_answer(token: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack("<HHHH", 9, flags, 72, len(token)) + token


def tree_connect(path: str) -> bytes:
    return struct.pack("<HHHH", 9, 0, 72, len(wide(path))) + wide(path)


def create(name: str, access: int, disposition: int = 1, options: int = 0x40) -> bytes:
    fixed = struct.pack(
        "<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, access, 0, 7, disposition, options, 120, len(wide(name)), 0, 0
    )
    return fixed + (wide(name) or bytes(8))


def created(file: bytes, action: int = 1, size: int = 0) -> bytes:
    return struct.pack("<HBBI32xQQII", 89, 0, 0, action, size, size, 0x20, 0) + file + bytes(8)


def write(file: bytes, data: bytes, offset: int = 0) -> bytes:
    return struct.pack("<HHIQ16s16x", 49, 112, len(data), offset, file) + data


def read(file: bytes) -> bytes:
    return struct.pack("<HBBIQ16s16xB", 49, 80, 0, 1024, 0, file, 0)


def read_answer(data: bytes) -> bytes:
    return struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data


def ioctl(file: bytes, data: bytes) -> bytes:
    return struct.pack("<HHI16sIIIIIIII", 57, 0, 0x0011C017, file, 120, len(data), 0, 120, 0, 1024, 1, 0) + data


def ioctl_answer(file: bytes, data: bytes) -> bytes:
    return struct.pack("<HHI16sIIIIII", 49, 0, 0x0011C017, file, 112, 0, 112, len(data), 0, 0) + data


def set_info(file: bytes, class_: int, data: bytes) -> bytes:
    return struct.pack("<HBBIHHI16s", 33, 1, class_, len(data), 96, 0, 0, file) + data


def rename(name: str) -> bytes:
    return struct.pack("<B7xQI", 0, 0, len(wide(name))) + wide(name)


class Session:
    """The messages of a connection, with message ids."""

    def __init__(self) -> None:
        self.parts: Parts = []
        self.id = 0

    def request(self, command: int, body: bytes, **fields: int) -> None:
        self.id += 1
        self.parts.append((True, session(smb2(command, body, id_=self.id, **fields))))

    def response(self, command: int, body: bytes, **fields: int) -> None:
        self.parts.append((False, session(smb2(command, body, id_=self.id, response=True, **fields))))

    def exchange(self, command: int, request: bytes, response: bytes, **fields: int) -> None:
        self.request(command, request, **fields)
        self.response(command, response, **fields)

    def login(self, token: bytes) -> None:
        self.request(1, setup(spnego(ntlm_negotiate(CLIENT_VERSION))))
        self.response(1, setup_answer(spnego(ntlm_challenge("OFFICE", TARGET, SERVER_VERSION))), status=MORE, user=5)
        self.request(1, setup(spnego(token)), user=5)


def service() -> Parts:
    """A program is copied to ADMIN$ and started through the pipe of the Service Control Manager."""
    messages = Session()
    messages.exchange(0, negotiate(), negotiated())
    messages.login(ntlm_authenticate("admin", "OFFICE", "DESK-04", CLIENT_VERSION))
    messages.response(1, setup_answer(), user=5)
    messages.exchange(
        3, tree_connect("\\\\10.20.30.5\\ADMIN$"), struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF), tree=1, user=5
    )
    program, pipe = b"\1" * 16, b"\2" * 16
    messages.exchange(5, create("PSEXESVC.exe", 0x00120196, 5, 0x44), created(program, 2), tree=1, user=5)
    messages.exchange(
        9, write(program, b"MZ\x90\0" + bytes(5000)), struct.pack("<HHIIHH", 17, 0, 5004, 0, 0, 0), tree=1, user=5
    )
    messages.exchange(9, write(program, bytes(100), 5004), struct.pack("<HHIIHH", 17, 0, 100, 0, 0, 0), tree=1, user=5)
    messages.exchange(6, struct.pack("<HHI16s", 24, 0, 0, program), struct.pack("<H58x", 60), tree=1, user=5)
    messages.exchange(
        3, tree_connect("\\\\10.20.30.5\\IPC$"), struct.pack("<HBBIII", 16, 2, 0, 0, 0, 0x1F01FF), tree=2, user=5
    )
    messages.request(5, create("svcctl", 0x0012019F), tree=2, user=5)
    messages.response(5, b"\x09\0" + bytes(7), status=0x103, tree=2, user=5)
    messages.response(5, created(pipe), tree=2, user=5)
    messages.exchange(9, write(pipe, BIND), struct.pack("<HHIIHH", 17, 0, len(BIND), 0, 0, 0), tree=2, user=5)
    messages.exchange(8, read(pipe), read_answer(b"\5\0\x0c\3" + bytes(40)), tree=2, user=5)
    messages.exchange(
        11, ioctl(pipe, b"\5\0\0\3" + bytes(20)), ioctl_answer(pipe, b"\5\0\2\3" + bytes(20)), tree=2, user=5
    )
    last = b"\xff" * 16
    messages.exchange(
        3, tree_connect("\\\\10.20.30.5\\Public"), struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF), tree=3, user=5
    )
    first = create("plan.docx", 0x00110080, 1, 0x200040)
    first += bytes(-len(first) % 8)
    chain = smb2(5, first, id_=90, tree=3, user=5, next_=64 + len(first))
    chain += smb2(17, set_info(last, 10, rename("plan.docx.locked")), id_=91, tree=3, user=5, related=True)
    messages.parts.append((True, session(chain)))
    messages.id = 90
    messages.response(5, created(b"\3" * 16), tree=3, user=5)
    messages.exchange(17, set_info(b"\3" * 16, 13, b"\1"), struct.pack("<H", 2), tree=3, user=5)
    messages.id = 95
    messages.exchange(5, create("old.tmp", 0x00010080, 1, 0x1040), created(b"\4" * 16), tree=3, user=5)
    return messages.parts


def refused() -> Parts:
    """A rejected password, an anonymous guest session, then encryption."""
    messages = Session()
    messages.exchange(0, negotiate(), negotiated())
    messages.login(ntlm_authenticate("guess", "OFFICE", "SCANNER", CLIENT_VERSION, nt=b"\1" * 24))
    messages.response(1, setup_answer(), status=REFUSED, user=5)
    messages.login(ntlm_authenticate("", "", "", CLIENT_VERSION, lm=b"\0", nt=b"", flags=0xE2888A15))
    messages.response(1, setup_answer(flags=1), user=5)
    sealed = session(b"\xfdSMB" + bytes(16) + bytes(range(16)) + struct.pack("<IHHQ", 64, 0, 1, 5) + bytes(64))
    packed = session(b"\xfcSMB" + struct.pack("<IHHI", 0xFFFFFFFF, 1, 0, 0x10) + bytes(32))
    return [*messages.parts, (True, sealed), (False, sealed), (True, sealed), (True, packed)]


def text1(*texts: str) -> bytes:
    """UTF-16 strings after the byte that makes their offset even."""
    return b"\0" + b"".join(wide(text) + b"\0\0" for text in texts)


def smb1_session() -> Parts:
    """SMB 1 after a NetBIOS session request."""
    parts: Parts = [
        (True, session(netbios_name("FILES-1", 0x20) + netbios_name("DESK-04", 0), 0x81)),
        (False, session(b"", 0x82)),
    ]

    def exchange(
        command: int,
        request: tuple[bytes, bytes],
        response: tuple[bytes, bytes],
        id_: int,
        status: int = 0,
        tree: int = 7,
        user: int = 9,
    ) -> None:
        parts.append((True, session(smb1(command, *request, tree=tree, user=user, id_=id_))))
        parts.append(
            (False, session(smb1(command, *response, response=True, tree=tree, user=user, id_=id_, status=status)))
        )

    dialects = b"\2PC NETWORK PROGRAM 1.0\0\2NT LM 0.12\0"
    words = struct.pack("<HBHHIIIIQhB", 1, 3, 50, 1, 65536, 65536, 0, 0x8000E3FD, 0, 0, 0)
    exchange(0x72, (b"", dialects), (words, GUID), 1, tree=0, user=0)
    last, programs = b"\xff\0\0\0", text1("Unix", "Samba 4.9.5-Debian")
    token = ntlm_negotiate(CLIENT_VERSION) + b"\0"  # the strings after it begin at an even offset
    request = last + struct.pack("<HHHIHII", 65535, 50, 0, 0, len(token), 0, 0x80000000)
    challenge = ntlm_challenge("FILES-1", {2: "FILES-1", 1: "FILES-1"}, version(6, 1, 0))
    challenge += b"\0" * (len(challenge) & 1)
    exchange(
        0x73,
        (request, token + wide("Unix\0Samba\0")),
        (last + struct.pack("<HH", 0, len(challenge)), challenge + programs),
        2,
        MORE,
    )
    words = last + struct.pack("<HHHIHHII", 65535, 50, 0, 0, 24, 24, 0, 0xD4)
    exchange(
        0x73,
        (
            words,
            bytes(24) + b"\1" * 24 + text1("joe", "OFFICE", "Windows 2002 2600 Service Pack 3", "Windows 2002 5.1"),
        ),
        (last + b"\1\0", programs),
        3,
    )
    exchange(
        0x75,
        (last + struct.pack("<HH", 8, 1), b"\0" + wide("\\\\FILES-1\\SCANS\0") + b"?????\0"),
        (last + b"\1\0", b"A:\0" + text1("NTFS")[1:]),
        4,
    )
    opened = last + struct.pack("<BHIQQQQIQQHHB", 0, 0x4001, 2, 0, 0, 0, 0, 0x20, 0, 0, 0, 7, 0)
    name = struct.pack("<BHIIIQIIIIIB", 0, 22, 0, 0, 0x0012019F, 0, 0, 7, 5, 0x40, 2, 0)
    exchange(0xA2, (last + name, text1("\\scan-1.pdf")), (opened + b"\0", b""), 5)
    data = b"%PDF-1.4"
    words = last + struct.pack("<HIIHHHHHI", 0x4001, 0, 0, 0, 0, 0, len(data), 64, 0)
    exchange(0x2F, (words, b"\0" + data), (last + struct.pack("<HHI", len(data), 0, 0), b""), 6)
    exchange(0x07, (b"\x16\0", b"\4" + wide("\\scan-1.pdf\0") + b"\4" + text1("\\scan-2.pdf")), (b"", b""), 7)
    exchange(0x06, (b"\x16\0", b"\4" + wide("\\scan-2.pdf\0")), (b"", b""), 8)
    exchange(
        0x75,
        (last + struct.pack("<HH", 8, 1), b"\0" + wide("\\\\FILES-1\\IPC$\0") + b"?????\0"),
        (last + b"\1\0", b"IPC\0"),
        9,
        tree=8,
    )
    exchange(0xA2, (last + name, text1("\\samr")), (opened + b"\0", b""), 10, tree=8)
    pipe = struct.pack(
        "<HHHHBBHIHHHHHBB2H", 0, len(BIND), 0, 1024, 0, 0, 0, 0, 0, 0, 0, len(BIND), 68, 2, 0, 0x26, 0x4001
    )
    back = struct.pack("<HHHHHHHHHBB", 0, 8, 0, 0, 0, 0, 8, 56, 0, 0, 0)
    exchange(0x25, (pipe, b"\0" + BIND), (back, b"\0" + b"\5\0\x0c\3abcd"), 11, tree=8)
    exchange(
        0x32, (struct.pack("<HHHHBBHIHHHHHBBH", *(0,) * 13, 1, 0, 14), b"\0"), (b"", b""), 0x41, 0xC0000002, tree=8
    )
    exchange(0xA0, (bytes(36) + b"\1\0", b""), (b"", b""), 12, 0xC0000002, tree=8)
    exchange(
        0x75,
        (last + struct.pack("<HH", 8, 1), b"\0" + wide("\\\\FILES-1\\C$\0") + b"?????\0"),
        (b"", b""),
        13,
        0xC0000022,
        tree=9,
    )
    return parts


def resegmented(parts: Parts) -> Parts:
    """The same bytes in other segments: two to a message."""
    return [
        piece
        for from_client, data in parts
        for piece in ((from_client, data[: len(data) // 2]), (from_client, data[len(data) // 2 :]))
    ]


def frames() -> Frames:
    server = (PBX, "10.20.30.5", 445)
    yield from conversation((DESKTOP, "10.20.30.14", 49712), server, service())
    yield from conversation((PRINTER, "10.20.30.13", 49713), server, refused())
    yield from conversation((DESKTOP, "10.20.30.14", 49714), (PBX, "10.20.30.5", 139), resegmented(smb1_session()))
