"""A remote service over SMB 3: login by NTLM, ADMIN$ and IPC$, a program copied, a pipe, a rename and a deletion in
chains; a login refused; encryption.

Then SMB 1 over a NetBIOS session: an old login and one by NTLM, a file, a pipe, a transaction; and a conversation cut
inside messages.
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
HERE, THERE = version(10, 0, 19041), version(10, 0, 17763)
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


class Tape:
    """A conversation whose requests are numbered."""

    def __init__(self) -> None:
        self.parts: Parts = []
        self.id = 0

    def ask(self, command: int, body: bytes, **fields: int) -> None:
        self.id += 1
        self.parts.append((True, session(smb2(command, body, id_=self.id, **fields))))

    def answer(self, command: int, body: bytes, **fields: int) -> None:
        self.parts.append((False, session(smb2(command, body, id_=self.id, answer=True, **fields))))

    def both(self, command: int, request: bytes, response: bytes, **fields: int) -> None:
        self.ask(command, request, **fields)
        self.answer(command, response, **fields)

    def login(self, token: bytes) -> None:
        self.ask(1, setup(spnego(ntlm_negotiate(HERE))))
        self.answer(1, setup_answer(spnego(ntlm_challenge("OFFICE", TARGET, THERE))), status=MORE, user=5)
        self.ask(1, setup(spnego(token)), user=5)


def service() -> Parts:
    """A program is copied to ADMIN$ and started through the pipe of the service manager."""
    tape = Tape()
    tape.both(0, negotiate(), negotiated())
    tape.login(ntlm_authenticate("admin", "OFFICE", "DESK-04", HERE))
    tape.answer(1, setup_answer(), user=5)
    tape.both(
        3, tree_connect("\\\\10.20.30.5\\ADMIN$"), struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF), tree=1, user=5
    )
    program, pipe = b"\1" * 16, b"\2" * 16
    tape.both(5, create("PSEXESVC.exe", 0x00120196, 5, 0x44), created(program, 2), tree=1, user=5)
    tape.both(
        9, write(program, b"MZ\x90\0" + bytes(5000)), struct.pack("<HHIIHH", 17, 0, 5004, 0, 0, 0), tree=1, user=5
    )
    tape.both(9, write(program, bytes(100), 5004), struct.pack("<HHIIHH", 17, 0, 100, 0, 0, 0), tree=1, user=5)
    tape.both(6, struct.pack("<HHI16s", 24, 0, 0, program), struct.pack("<H58x", 60), tree=1, user=5)
    tape.both(3, tree_connect("\\\\10.20.30.5\\IPC$"), struct.pack("<HBBIII", 16, 2, 0, 0, 0, 0x1F01FF), tree=2, user=5)
    tape.ask(5, create("svcctl", 0x0012019F), tree=2, user=5)
    tape.answer(5, b"\x09\0" + bytes(7), status=0x103, tree=2, user=5)
    tape.answer(5, created(pipe), tree=2, user=5)
    tape.both(9, write(pipe, BIND), struct.pack("<HHIIHH", 17, 0, len(BIND), 0, 0, 0), tree=2, user=5)
    tape.both(8, read(pipe), read_answer(b"\5\0\x0c\3" + bytes(40)), tree=2, user=5)
    tape.both(11, ioctl(pipe, b"\5\0\0\3" + bytes(20)), ioctl_answer(pipe, b"\5\0\2\3" + bytes(20)), tree=2, user=5)
    last = b"\xff" * 16
    tape.both(
        3, tree_connect("\\\\10.20.30.5\\Public"), struct.pack("<HBBIII", 16, 1, 0, 0, 0, 0x1F01FF), tree=3, user=5
    )
    first = create("plan.docx", 0x00110080, 1, 0x200040)
    first += bytes(-len(first) % 8)
    chain = smb2(5, first, id_=90, tree=3, user=5, next_=64 + len(first))
    chain += smb2(17, set_info(last, 10, rename("plan.docx.locked")), id_=91, tree=3, user=5, related=True)
    tape.parts.append((True, session(chain)))
    tape.id = 90
    tape.answer(5, created(b"\3" * 16), tree=3, user=5)
    tape.both(17, set_info(b"\3" * 16, 13, b"\1"), struct.pack("<H", 2), tree=3, user=5)
    tape.id = 95
    tape.both(5, create("old.tmp", 0x00010080, 1, 0x1040), created(b"\4" * 16), tree=3, user=5)
    return tape.parts


def refused() -> Parts:
    """A wrong password, an anonymous guest, then encryption."""
    tape = Tape()
    tape.both(0, negotiate(), negotiated())
    tape.login(ntlm_authenticate("guess", "OFFICE", "SCANNER", HERE, nt=b"\1" * 24))
    tape.answer(1, setup_answer(), status=REFUSED, user=5)
    tape.login(ntlm_authenticate("", "", "", HERE, lm=b"\0", nt=b"", flags=0xE2888A15))
    tape.answer(1, setup_answer(flags=1), user=5)
    sealed = session(b"\xfdSMB" + bytes(16) + bytes(range(16)) + struct.pack("<IHHQ", 64, 0, 1, 5) + bytes(64))
    packed = session(b"\xfcSMB" + struct.pack("<IHHI", 0xFFFFFFFF, 1, 0, 0x10) + bytes(32))
    return [*tape.parts, (True, sealed), (False, sealed), (True, sealed), (True, packed)]


def text1(*texts: str) -> bytes:
    """Texts in UTF-16 behind the byte that makes their offset even."""
    return b"\0" + b"".join(wide(text) + b"\0\0" for text in texts)


def old() -> Parts:
    """SMB 1 behind a session request."""
    parts: Parts = [
        (True, session(netbios_name("FILES-1", 0x20) + netbios_name("DESK-04", 0), 0x81)),
        (False, session(b"", 0x82)),
    ]

    def both(
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
            (False, session(smb1(command, *response, answer=True, tree=tree, user=user, id_=id_, status=status)))
        )

    dialects = b"\2PC NETWORK PROGRAM 1.0\0\2NT LM 0.12\0"
    words = struct.pack("<HBHHIIIIQhB", 1, 3, 50, 1, 65536, 65536, 0, 0x8000E3FD, 0, 0, 0)
    both(0x72, (b"", dialects), (words, GUID), 1, tree=0, user=0)
    last, programs = b"\xff\0\0\0", text1("Unix", "Samba 4.9.5-Debian")
    token = ntlm_negotiate(HERE) + b"\0"  # the texts behind it begin at an even offset
    ask = last + struct.pack("<HHHIHII", 65535, 50, 0, 0, len(token), 0, 0x80000000)
    challenge = ntlm_challenge("FILES-1", {2: "FILES-1", 1: "FILES-1"}, version(6, 1, 0))
    challenge += b"\0" * (len(challenge) & 1)
    both(
        0x73,
        (ask, token + wide("Unix\0Samba\0")),
        (last + struct.pack("<HH", 0, len(challenge)), challenge + programs),
        2,
        MORE,
    )
    words = last + struct.pack("<HHHIHHII", 65535, 50, 0, 0, 24, 24, 0, 0xD4)
    both(
        0x73,
        (
            words,
            bytes(24) + b"\1" * 24 + text1("joe", "OFFICE", "Windows 2002 2600 Service Pack 3", "Windows 2002 5.1"),
        ),
        (last + b"\1\0", programs),
        3,
    )
    both(
        0x75,
        (last + struct.pack("<HH", 8, 1), b"\0" + wide("\\\\FILES-1\\SCANS\0") + b"?????\0"),
        (last + b"\1\0", b"A:\0" + text1("NTFS")[1:]),
        4,
    )
    opened = last + struct.pack("<BHIQQQQIQQHHB", 0, 0x4001, 2, 0, 0, 0, 0, 0x20, 0, 0, 0, 7, 0)
    name = struct.pack("<BHIIIQIIIIIB", 0, 22, 0, 0, 0x0012019F, 0, 0, 7, 5, 0x40, 2, 0)
    both(0xA2, (last + name, text1("\\scan-1.pdf")), (opened + b"\0", b""), 5)
    data = b"%PDF-1.4"
    words = last + struct.pack("<HIIHHHHHI", 0x4001, 0, 0, 0, 0, 0, len(data), 64, 0)
    both(0x2F, (words, b"\0" + data), (last + struct.pack("<HHI", len(data), 0, 0), b""), 6)
    both(0x07, (b"\x16\0", b"\4" + wide("\\scan-1.pdf\0") + b"\4" + text1("\\scan-2.pdf")), (b"", b""), 7)
    both(0x06, (b"\x16\0", b"\4" + wide("\\scan-2.pdf\0")), (b"", b""), 8)
    both(
        0x75,
        (last + struct.pack("<HH", 8, 1), b"\0" + wide("\\\\FILES-1\\IPC$\0") + b"?????\0"),
        (last + b"\1\0", b"IPC\0"),
        9,
        tree=8,
    )
    both(0xA2, (last + name, text1("\\samr")), (opened + b"\0", b""), 10, tree=8)
    pipe = struct.pack(
        "<HHHHBBHIHHHHHBB2H", 0, len(BIND), 0, 1024, 0, 0, 0, 0, 0, 0, 0, len(BIND), 68, 2, 0, 0x26, 0x4001
    )
    back = struct.pack("<HHHHHHHHHBB", 0, 8, 0, 0, 0, 0, 8, 56, 0, 0, 0)
    both(0x25, (pipe, b"\0" + BIND), (back, b"\0" + b"\5\0\x0c\3abcd"), 11, tree=8)
    both(0x32, (struct.pack("<HHHHBBHIHHHHHBBH", *(0,) * 13, 1, 0, 14), b"\0"), (b"", b""), 0x41, 0xC0000002, tree=8)
    both(0xA0, (bytes(36) + b"\1\0", b""), (b"", b""), 12, 0xC0000002, tree=8)
    both(
        0x75,
        (last + struct.pack("<HH", 8, 1), b"\0" + wide("\\\\FILES-1\\C$\0") + b"?????\0"),
        (b"", b""),
        13,
        0xC0000022,
        tree=9,
    )
    return parts


def cut(parts: Parts) -> Parts:
    """The same bytes in other pieces: two to a message."""
    return [
        piece
        for from_client, data in parts
        for piece in ((from_client, data[: len(data) // 2]), (from_client, data[len(data) // 2 :]))
    ]


def frames() -> Frames:
    server = (PBX, "10.20.30.5", 445)
    yield from conversation((DESKTOP, "10.20.30.14", 49712), server, service())
    yield from conversation((PRINTER, "10.20.30.13", 49713), server, refused())
    yield from conversation((DESKTOP, "10.20.30.14", 49714), (PBX, "10.20.30.5", 139), cut(old()))
