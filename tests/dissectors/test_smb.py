"""SMB: logins, shares, files and pipes in all versions; gaps, late starts and malformed bodies."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from pcaps.dissectors import smb as sample
from pcaps.dissectors._smb import ntlm_authenticate, session, smb1, smb2, spnego, version, wide
from sensor.core.addresses import parse
from sensor.core.batch import Problem
from sensor.core.dissector import Parsed
from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors._smb_messages import LIMIT
from sensor.dissectors.shared.smb_events import SmbDelete
from sensor.dissectors.smb import UNPARSED_LIMIT, Smb, SmbStream
from tests.dissectors.samples import events, values

CLIENT = Packet(proto=6, src=parse("10.20.30.14"), src_mac=0x02005E005304)
SERVER = Packet(proto=6, src=parse("10.20.30.5"), src_mac=0x02005E005305, direction=1)


def found(parts: list[tuple[bool, bytes]], stream: Any = None) -> list[Parsed]:
    stream = stream or Smb().stream(CLIENT)
    return [
        one for from_client, data in parts for one in stream.feed(CLIENT if from_client else SERVER, data, from_client)
    ]


def only(parsed: list[Parsed], *names: str) -> list[tuple[Any, ...]]:
    return [event for event in events(parsed) if event[0] in names]


def of(parsed: list[Parsed], packet: Packet) -> list[tuple[str, str]]:
    """Observations about one end."""
    return values([one for one in parsed if isinstance(one, Observation) and one.subject.address == packet.src])


def test_service() -> None:
    """Dialects, names of both ends, the login, shares, the copied program and the pipe are reported."""
    parsed = found(sample.service())
    assert only(parsed, "SmbNegotiate", "SmbNegotiated", "SmbChallenge") == [
        ("SmbNegotiate", 2, ("2.0.2", "2.1", "3.0", "3.0.2", "3.1.1"), False),
        ("SmbNegotiated", 2, "3.1.1", True, True, "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        ("SmbChallenge", "FILES-1", "OFFICE", "files-1.office.example", "10.0.17763"),
    ]
    login = (2, "ntlmv2", "admin", "OFFICE", "DESK-04")
    assert only(parsed, "SmbLogin", "SmbLoginResult") == [("SmbLogin", *login), ("SmbLoginResult", *login, 0, False)]
    assert only(parsed, "SmbTreeResult") == [
        ("SmbTreeResult", "\\\\10.20.30.5\\ADMIN$", "ADMIN$", "disk", 0),
        ("SmbTreeResult", "\\\\10.20.30.5\\IPC$", "IPC$", "pipe", 0),
        ("SmbTreeResult", "\\\\10.20.30.5\\Public", "PUBLIC", "disk", 0),
    ]
    assert only(parsed, "SmbWrite") == [
        ("SmbWrite", "ADMIN$", "PSEXESVC.exe", 0, 5004, True),
        ("SmbWrite", "ADMIN$", "PSEXESVC.exe", 5004, 100, False),
    ]
    handle = "02" * 16
    assert [event[:5] for event in only(parsed, "SmbPipe")] == [
        ("SmbPipe", "svcctl", handle, True, len(sample.BIND)), ("SmbPipe", "svcctl", handle, False, 44),
        ("SmbPipe", "svcctl", handle, True, 24), ("SmbPipe", "svcctl", handle, False, 24),
    ]  # fmt: skip
    assert only(parsed, "SmbPipe")[0][5] == sample.BIND


def test_openings() -> None:
    """An open request reports file, access and result; an interim response is not the result."""
    parsed = found(sample.service())
    assert only(parsed, "SmbCreate", "SmbCreateResult")[:4] == [
        ("SmbCreate", "ADMIN$", "PSEXESVC.exe", False, 0x00120196, 5, 0x44, True, "exe"),
        ("SmbCreateResult", "ADMIN$", "PSEXESVC.exe", False, 0, 2, 0),
        ("SmbCreate", "IPC$", "svcctl", True, 0x0012019F, 1, 0x40, False, ""),
        ("SmbCreateResult", "IPC$", "svcctl", True, 0, 1, 0),
    ]


def test_shares_without_the_server() -> None:
    """Without packets of the server an unknown tree id is that of the last requested share."""
    half, stream = Packet(proto=6, problem=Problem.ONE_SIDED), Smb().stream(CLIENT)
    parsed = [one for from_client, data in sample.service() if from_client for one in stream.feed(half, data, True)]
    whole = found(sample.service())
    assert only(parsed, "SmbCreate") == only(whole, "SmbCreate")
    assert ("SmbCreate", "ADMIN$", "PSEXESVC.exe", False, 0x00120196, 5, 0x44, True, "exe") in events(parsed)


def test_rename_and_deletion() -> None:
    """A rename chained to an open request has the file name; files are deleted by disposition or on close."""
    parsed = found(sample.service())
    assert only(parsed, "SmbRename", "SmbDelete") == [
        ("SmbRename", "PUBLIC", "plan.docx", "plan.docx.locked"), ("SmbDelete", "PUBLIC", "plan.docx"),
        ("SmbDelete", "PUBLIC", "old.tmp"),
    ]  # fmt: skip


def test_deletions_are_of_the_client() -> None:
    """A file that is deleted on close is reported when the server opened it, but as an action of the client."""
    near, far = {"src": 1, "dst": 2, "sport": 50000, "dport": 445}, {"src": 2, "dst": 1, "sport": 445, "dport": 50000}
    stream = Smb().stream(CLIENT)
    parsed = [
        one
        for from_client, data in sample.service()
        for one in stream.feed(Packet(proto=6, **(near if from_client else far)), data, from_client)
    ]
    deleted = [one for one in parsed if isinstance(one, SmbDelete)]
    assert [(one.name, one.packet.src, one.packet.dport) for one in deleted] == [
        ("plan.docx", 1, 445),
        ("old.tmp", 1, 445),
    ]


def test_facts_of_both_ends() -> None:
    """The server is described by its challenge (names, domain, version), the client by its response (name, version)."""
    parsed = found(sample.service())
    assert of(parsed, CLIENT) == [
        ("smb.dialects", "2.0.2,2.1,3.0,3.0.2,3.1.1"), ("ntlm.version", "10.0.19041"), ("ntlm.hostname", "DESK-04"),
        ("ntlm.version", "10.0.19041"),
    ]  # fmt: skip
    assert of(parsed, SERVER) == [
        ("smb.dialect", "3.1.1"), ("smb.guid", "03020100-0504-0706-0809-0a0b0c0d0e0f"), ("ntlm.hostname", "FILES-1"),
        ("ntlm.fqdn", "files-1.office.example"), ("ntlm.domain", "OFFICE"), ("ntlm.dns_domain", "office.example"),
        ("ntlm.version", "10.0.17763"),
        ("smb.role", "file_server"),
    ]  # fmt: skip


def test_refused_guest_and_encrypted() -> None:
    """A failed NTLMv1 login and an anonymous guest are reported; encryption once for each direction, a compressed
    message with its sizes.
    """
    parsed = found(sample.refused())
    failed_login = (2, "ntlmv1-ess", "guess", "OFFICE", "SCANNER")
    assert only(parsed, "SmbLogin", "SmbLoginResult") == [
        ("SmbLogin", *failed_login),
        ("SmbLoginResult", *failed_login, 0xC000006D, False),
        ("SmbLogin", 2, "anonymous", "", "", ""),
        ("SmbLoginResult", 2, "anonymous", "", "", "", 0, True),
    ]
    assert only(parsed, "SmbEncrypted", "SmbCompressed") == [
        ("SmbEncrypted", 5),
        ("SmbEncrypted", 5),
        ("SmbCompressed", 0xFFFFFFFF, 1, 0x10),
    ]


def test_compression_that_a_client_offers() -> None:
    """Compression contexts are read after the dialects, aligned to 8 bytes, only if complete and with dialect 3.1.1."""
    contexts = struct.pack("<HHI6x2x", 1, 6, 0) + struct.pack("<HHI10x", 3, 10, 0)
    for dialect, count, offered in ((0x0311, 2, True), (0x0311, 1, False), (0x0302, 2, False)):
        body = (
            struct.pack("<HHHHI16sIHH", 36, 1, 1, 0, 0x7F, sample.GUID, 104, count, 0)
            + struct.pack("<H2x", dialect)
            + contexts
        )
        [negotiate] = only(found([(True, session(smb2(0, body, id_=0)))]), "SmbNegotiate")
        assert negotiate[3] is offered


def test_old_version() -> None:
    """SMB 1 reports the same; programs report their names, and transactions without a pipe are reported."""
    parsed = found(sample.smb1_session())
    assert only(parsed, "SmbSession", "SmbNegotiate", "SmbNegotiated", "SmbLogin", "SmbLoginResult") == [
        ("SmbSession", "FILES-1", "DESK-04"),
        ("SmbNegotiate", 1, ("PC NETWORK PROGRAM 1.0", "NT LM 0.12"), False),
        ("SmbNegotiated", 1, "NT LM 0.12", False, False, "03020100-0504-0706-0809-0a0b0c0d0e0f"),
        ("SmbLogin", 1, "ntlmv1", "joe", "OFFICE", ""),
        ("SmbLoginResult", 1, "ntlmv1", "joe", "OFFICE", "", 0, True),
    ]
    assert ("netbios.hostname", "DESK-04") in of(parsed, CLIENT)
    assert {
        ("smb.dialect", "NT LM 0.12"),
        ("smb.native_os", "Unix"),
        ("smb.native_lanman", "Samba 4.9.5-Debian"),
    } <= set(of(parsed, SERVER))
    assert ("smb.native_os", "Windows 2002 2600 Service Pack 3") in of(parsed, CLIENT)
    assert only(parsed, "SmbTreeResult") == [
        ("SmbTreeResult", "\\\\FILES-1\\SCANS", "SCANS", "disk", 0),
        ("SmbTreeResult", "\\\\FILES-1\\IPC$", "IPC$", "pipe", 0),
        ("SmbTreeResult", "\\\\FILES-1\\C$", "C$", "", 0xC0000022),
    ]
    assert only(parsed, "SmbCreate", "SmbWrite", "SmbRename", "SmbDelete") == [
        ("SmbCreate", "SCANS", "scan-1.pdf", False, 0x0012019F, 5, 0x40, True, "pdf"),
        ("SmbWrite", "SCANS", "scan-1.pdf", 0, 8, False),
        ("SmbRename", "SCANS", "scan-1.pdf", "scan-2.pdf"),
        ("SmbDelete", "SCANS", "scan-2.pdf"),
        ("SmbCreate", "IPC$", "samr", True, 0x0012019F, 5, 0x40, False, ""),
    ]
    assert only(parsed, "SmbPipe") == [
        ("SmbPipe", "samr", "0140", True, 72, sample.BIND),
        ("SmbPipe", "samr", "0140", False, 8, b"\5\0\x0c\3abcd"),
    ]
    assert only(parsed, "SmbTransaction") == [
        ("SmbTransaction", "trans2", 14, 0x41, False, 0),
        ("SmbTransaction", "trans2", 14, 0x41, True, 0xC0000002),
        ("SmbTransaction", "nt", 1, 12, False, 0),
        ("SmbTransaction", "nt", 1, 12, True, 0xC0000002),
    ]


def test_server_that_names_itself_behind_its_challenge() -> None:
    """An old server sends domain and name in the negotiation, in UTF-16 although its header does not declare it."""
    words = struct.pack("<HBHHIIIIQhB", 0, 3, 50, 1, 65536, 65536, 0, 0x8000F3FD & ~0x80000000, 0, 0, 8)
    answer = smb1(0x72, words, bytes(8) + wide("TEST\0FILES\0"), response=True)
    parsed = found([(True, session(smb1(0x72, b"", b"\2NT LM 0.12\0"))), (False, session(answer))])
    assert of(parsed, SERVER) == [("smb.dialect", "NT LM 0.12"), ("smb.domain", "TEST"), ("smb.hostname", "FILES")]


def test_login_and_share_in_one_message() -> None:
    """SMB 1 chains commands, and their responses are chained too."""
    last = b"\xff\0\0\0"
    setup = struct.pack("<HHHIHHII", 65535, 50, 0, 0, 0, 0, 0, 0xD4)
    names = b"\0" + wide("joe\0OFFICE\0OS\0LM\0")
    following = 32 + 1 + 4 + len(setup) + 2 + len(names)
    tree = struct.pack("<HH", 0, 1)
    path = wide("\\\\F\\S\0") + b"A:\0"
    path = (b"\0" if (following + 1 + 8 + 2 + 1) & 1 else b"") + b"\0" + path
    chained = bytes((4,)) + last + tree + struct.pack("<H", len(path)) + path
    requested = smb1(0x73, struct.pack("<BBH", 0x75, 0, following) + setup, names, id_=7) + chained
    body = b"\0" + wide("OS\0LM\0")
    place = 32 + 1 + 6 + 2 + len(body)
    answer = (
        smb1(0x73, struct.pack("<BBHH", 0x75, 0, place, 0), body, response=True, id_=7, tree=3)
        + b"\3"
        + last
        + b"\1\0"
        + b"\3\0A:\0"
    )
    parsed = found([(True, session(requested)), (False, session(answer))])
    assert only(parsed, "SmbLoginResult") == [("SmbLoginResult", 1, "plain", "joe", "OFFICE", "", 0, False)]
    assert only(parsed, "SmbTreeResult") == [("SmbTreeResult", "\\\\F\\S", "S", "disk", 0)]


@pytest.mark.parametrize(
    ("share", "kind", "role"),
    [
        ("SYSVOL", 1, "domain_controller"),
        ("print$", 1, ""),
        ("LASER", 3, "print_server"),
        ("C$", 1, ""),
        ("docs", 1, "file_server"),
    ],
)
def test_roles(share: str, kind: int, role: str) -> None:
    """A share identifies the role of a server, except shares that every Windows host has."""
    connect = smb2(3, sample.tree_connect("\\\\s\\" + share), id_=1)
    answer = smb2(3, struct.pack("<HBBIII", 16, kind, 0, 0, 0, 0), id_=1, response=True, tree=1)
    assert of(found([(True, session(connect)), (False, session(answer))]), SERVER) == (
        [("smb.role", role)] if role else []
    )


def test_begun_before_we_listened() -> None:
    """In a connection captured from the middle, pipes are detected by name, by a pipe request or by the data written;
    files opened earlier have no name.
    """
    file = b"\7" * 16
    parts = [
        (True, session(smb2(5, sample.create("atsvc", 3), id_=1))),
        (True, session(smb2(9, sample.write(file, sample.BIND), id_=2))),
        (True, session(smb2(11, sample.ioctl(file, b"x" * 8), id_=3))),
        (True, session(smb2(9, sample.write(file, b"MZ...."), id_=4))),
    ]
    parsed = found(parts)
    assert [event[:3] for event in events(parsed)] == [
        ("SmbCreate", "", "atsvc"), ("SmbPipe", "", ""), ("SmbPipe", "", file.hex()), ("SmbWrite", "", ""),
    ]  # fmt: skip
    middle = found([(True, b"\x99" * 500), *parts])
    assert events(middle) == events(parsed)


def test_gap_inside_a_long_write() -> None:
    """Data before the gap is parsed; the next message is found after it, whether the gap ends inside the message or
    later.
    """
    long_ = session(smb2(9, sample.write(b"\7" * 16, b"MZ" + bytes(60000)), id_=1))
    next_ = session(smb2(5, sample.create("a.txt", 2), id_=2))
    expected = [("SmbWrite", "", "", 0, 60002, True), ("SmbCreate", "", "a.txt", False, 2, 1, 0x40, True, "txt")]
    stream = SmbStream()
    parsed = found([(True, long_[:1460])], stream)
    assert events(parsed) == []
    parsed = [*stream.gap(CLIENT, len(long_) - 1460 - 10, True), *found([(True, long_[-10:] + next_)], stream)]
    assert events(parsed) == expected
    stream = SmbStream()
    parsed = found([(True, long_[: LIMIT + 5])], stream)
    parsed += [*stream.gap(CLIENT, len(long_), True), *found([(True, b"rest"), (True, next_)], stream)]
    assert events(parsed) == expected


def test_lying_bodies_do_not_end_the_conversation() -> None:
    """A body that does not match its command is reported as a fault, and the next message is parsed."""
    good = session(smb2(5, sample.create("a", 2), id_=9))
    for bad, command in (
        (smb2(5, sample.create("abc", 2)[:-4], id_=1), 5),
        (smb2(0, b"\x24\0\x40\0" + bytes(36), id_=1), 0),
        (smb2(1, sample.setup(spnego(b"NTLMSSP\0\x09\0\0\0")), id_=1), 1),
        (smb2(1, sample.setup(spnego(ntlm_authenticate("a", "b", "c", version(10, 0, 1))[:100])), id_=1), 1),
    ):
        parsed = found([(True, session(bad)), (True, good)])
        assert [event[0] for event in events(parsed)] == ["SmbFault", "SmbCreate"]
        assert events(parsed)[0][1:3] == (2, command)
    loop = smb1(0x75, struct.pack("<BBHHH", 0x75, 0, 32, 0, 0), b"\0")
    assert events(found([(True, session(loop))]))[-1][:3] == ("SmbFault", 1, 0x75)


@pytest.mark.parametrize(
    "body", [b"\xfeSMB" + bytes(60), smb2(5, bytes(8), id_=1, next_=8), b"\xfeSMB\x40", b"\xffSMB\x72"]
)
def test_malformed(body: bytes) -> None:
    """An invalid header is malformed and ends the stream."""
    with pytest.raises(Malformed):
        found([(True, session(body))])


def test_another_protocol_is_given_up() -> None:
    """Another protocol yields nothing, and after a limit the stream ends."""
    stream = SmbStream()
    assert found([(True, b"GET / HTTP/1.1\r\n\r\n")] * (UNPARSED_LIMIT + 2), stream) == []
    assert stream.done


def test_memory_is_bounded() -> None:
    """Requests without responses and files that are not closed are bounded."""
    stream = SmbStream()
    for number in range(500):
        found([(True, session(smb2(5, sample.create(f"f{number}", 2), id_=number)))], stream)
        found(
            [(False, session(smb2(5, sample.created(number.to_bytes(16, "big")), id_=number, response=True)))], stream
        )
        found([(True, session(smb2(3, sample.tree_connect("\\\\s\\x"), id_=1000 + number)))], stream)
    conversation = stream._smb2._conversation
    assert (len(conversation.pending), len(conversation.files)) == (64, 128)


@pytest.mark.parametrize(
    ("data", "flags", "port", "reported"),
    [
        (b"bye", 0x38, 139, [("SmbUrgent", 3)]),
        (bytes(4), 0x20, 139, [("SmbUrgent", 4)]),
        (b"bye", 0x18, 139, []),
        (b"bye", 0x38, 445, []),
        (session((b"\x20" + b"CA" * 16 + b"\x00") * 2, 0x81), 0x38, 139, []),
    ],
)
def test_urgent_data(data: bytes, flags: int, port: int, reported: list[tuple[Any, ...]]) -> None:
    """Urgent data is reported only in the first segment, on port 139, if no session request or message begins there."""
    packet, stream = Packet(proto=6, dport=port, tcp_flags=flags), Smb().stream(CLIENT)
    assert only(list(stream.feed(packet, data, True)), "SmbUrgent") == reported
    assert only(list(stream.feed(packet, b"bye", True)), "SmbUrgent") == []
