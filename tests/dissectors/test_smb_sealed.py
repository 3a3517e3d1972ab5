"""Remote procedure calls in encrypted SMB 3: recognized by the sizes of their messages alone."""

from __future__ import annotations

import struct

import pytest

from sensor.core.packet import Packet
from sensor.dissectors.smb import SEALED_LIMIT, Smb
from tests.dissectors.samples import events

# Direction and size of each message, as impacket and Samba exchange them: tree, pipe, bind, manager, creation.
BIND = "C106 S80 C132 S152 C184 S80 C113 S73 S148"
CREATED = f"{BIND} C216 S80 C113 S128 C268 S80 C113 S112"
# smbclient and rpcclient: files, and calls by requests that write and read.
FILES = "C106 S80 C156 S73 C121 S152 C98 S292 C88 S124 C140 S152 C300112 S80 C88 S124 C113 S300080"
TRANSCEIVED = "C106 S80 C132 S152 C236 S73 S204 C216 S448 C88 S124 C212 S128 C360 S176"


def sealed(size: int) -> bytes:
    """An encrypted message whose header states a size; its content is left out after the first bytes."""
    head = b"\xfdSMB" + bytes(32) + struct.pack("<IHHQ", size, 0, 1, 5)
    body = head + bytes(min(size, 200))
    return struct.pack("!I", len(body)) + body


def calls(story: str, *, document: bool = False) -> list[int]:
    """Sizes of the calls that a story of messages shows, on handles or with documents of tasks."""
    stream, found = Smb().stream(Packet()), []
    for word in story.split():
        packet = Packet(proto=6, sport=50000, dport=445)
        parsed = events(stream.feed(packet, sealed(int(word[1:])), word[0] == "C"))
        found += [event[1] for event in parsed if event[0] == "SmbEncryptedCall" and event[2] is document]
    return found


def test_a_service_is_created() -> None:
    """A bind, an opened handle and a call on it are reported with the size of the call."""
    assert calls(CREATED) == [156]


def bound(*messages: str) -> str:
    """A bind of a tool, then these messages."""
    return " ".join(("C106 S80 C132 S152 C184 S80 C113 S73 S148", *messages))


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ("C3088 S80 C113 S148", [2976]),
        ("C4392 S80 C1112 S80 C113 S73 S148", [5280]),
        ("C3088 S80 C113 S108", []),
        ("C1312 S80 C113 S108", []),
        ("C188 S80 C113 S416 C3088 S80 C113 S148", []),
        ("C3088 S80 C113 S1480", []),
        ("C216 S80 C113 S128 C3088 S80 C113 S148", []),
    ],
    ids=[
        "a task is registered", "in two fragments", "only a status", "a password is changed", "not the first call",
        "a long answer", "a call on a handle",
    ],
)  # fmt: skip
def test_a_task_is_registered(messages: str, found: list[int]) -> None:
    """The first call after a bind is as long as a task, and its answer as long as a path."""
    assert calls(bound(messages), document=True) == found


def test_the_document_of_a_task_without_a_bind() -> None:
    assert calls("C3088 S80 C113 S148", document=True) == []


def test_a_second_bind_begins_again() -> None:
    """After another bind, calls count only with a handle of their own."""
    assert calls(f"{CREATED} C184 S80 C113 S148 C300 S80 C113 S416") == [156, 72]


@pytest.mark.parametrize(
    "story",
    [FILES, TRANSCEIVED, BIND, f"{BIND} C188 S80 C113 S416 C400 S80 C113 S90", CREATED.replace("S148", "S160")],
    ids=["files", "rpcclient", "only a bind", "a list of shares", "another answer to the bind"],
)
def test_other_sizes_report_nothing(story: str) -> None:
    assert calls(story) == []


def test_a_connection_that_stays_encrypted_is_given_up() -> None:
    """After 512 encrypted messages without another one, nothing more is read; another one begins the count again."""
    stream, packet = Smb().stream(Packet()), Packet(proto=6, sport=50000, dport=445)
    for _ in range(SEALED_LIMIT):
        assert not stream.done
        list(stream.feed(packet, sealed(300080), True))
    assert stream.done
