"""DCE/RPC: interfaces, calls and responses over TCP; inferred interfaces; gaps, late starts, fragments and malformed
bodies.
"""

from __future__ import annotations

import struct
from typing import Any

import pytest

from pcaps.dissectors import dcerpc as sample
from pcaps.dissectors._rpc import activation, bind, bstr, message, narrow, request, response, text, text64
from sensor.core.addresses import parse
from sensor.core.batch import Problem
from sensor.core.dissector import Parsed
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors import _rpc_arguments as arguments
from sensor.dissectors._dcerpc import Pipes
from sensor.dissectors._rpc_interfaces import CLASSES, INTERFACES, of_pipe
from sensor.dissectors.dcerpc import UNPARSED_LIMIT, Dcerpc
from tests.dissectors.samples import events, values

CLIENT = Packet(proto=6, src=parse("10.20.30.14"), src_mac=0x02005E005304)
SERVER = Packet(proto=6, src=parse("10.20.30.5"), src_mac=0x02005E005305, direction=1)


def found(parts: list[tuple[bool, bytes]], stream: Any = None) -> list[Parsed]:
    stream = stream or Dcerpc().stream(CLIENT)
    return [
        one for from_client, data in parts for one in stream.feed(CLIENT if from_client else SERVER, data, from_client)
    ]


def test_mapper() -> None:
    """A request to the endpoint mapper reports the interface, its answer the port."""
    assert events(found(sample.mapper())) == [
        ("RpcBind", "", ("epm",), 0),
        ("RpcCall", "", "epm", "ept_map", 3, 0, 79, (), (("interface", "svcctl"),), False),
        ("RpcAnswer", "", "epm", "ept_map", 3, False, 0, 114),
        ("RpcEndpoint", "svcctl", 49683),
    ]


def test_service() -> None:
    """Cleartext arguments are reported, encrypted calls by name only; faults, unknown interfaces and the login are
    reported.
    """
    parsed = found(sample.service())
    assert events(parsed) == [
        ("RpcBind", "", ("svcctl", f"{sample.OTHER}v1"), 6),
        ("NtlmChallenge", "rpc", "FILES-1", "OFFICE", "df1d951c82837e75"),
        ("NtlmLogin", "rpc", "ntlmv2", "admin", "OFFICE", "DESK-04", "a84a46ea386f5fe0"),
        ("RpcLogin", "", "ntlmv2", "admin", "OFFICE", "DESK-04"),
        (
            "RpcCall",
            "",
            "svcctl",
            "CreateServiceW",
            12,
            0,
            136,
            ("Updater", "ignored", "C:\\Windows\\Temp\\u.exe"),
            (),
            False,
        ),
        ("RpcAnswer", "", "svcctl", "CreateServiceW", 12, False, 0, 24),
        ("RpcCall", "", "svcctl", "StartServiceW", 19, 6, 32, (), (), False),
        ("RpcAnswer", "", "svcctl", "StartServiceW", 19, False, -1, 4),
        ("RpcCall", "", "svcctl", "OpenSCManager2", 64, 0, 20, (), (), False),
        ("RpcAnswer", "", "svcctl", "OpenSCManager2", 64, True, 0x1C010002, 8),
        ("RpcCall", "", f"{sample.OTHER}v1", "", 7, 0, 20, (), (), False),
    ]
    assert ("ntlm.hostname", "FILES-1") in values(parsed)
    assert ("ntlm.hostname", "DESK-04") in values(parsed)


def test_forged_login() -> None:
    """A Netlogon login with a challenge and a credential of zeros, and its rejection, are reported."""
    parsed = [event for event in events(found(sample.zerologon())) if event[0] != "RpcBind"]
    assert [event[3] for event in parsed] == ["NetrServerReqChallenge"] * 2 + ["NetrServerAuthenticate3"] * 2
    assert parsed[0][8] == (("challenge", "zero"),)
    assert parsed[2][8] == (("credential", "zero"),)
    assert parsed[3][5:7] == (False, 0xC0000022)


def test_honest_login_has_no_such_facts() -> None:
    """A login with random challenge and credential is not reported as zero."""
    login = (
        bytes(8)
        + text64("\\\\FILES-1")
        + text64("FILES-1$")
        + struct.pack("<Q", 2)
        + text64("DESK-04")
        + bytes(range(9, 17))
        + b"\xff\xff\x2f\x21"
    )
    parsed = found(
        [(True, bind([(0, sample.NETLOGON, 1)])), (True, request(26, login)), (True, request(4, login[:-4]))]
    )
    assert [event[8] for event in events(parsed)[1:]] == [(), ()]


def test_activation_names_its_class() -> None:
    """An activation reports its class, with a bind, and without one if the arguments are unambiguous."""
    [_, call, _] = events(found(sample.activated()))
    assert call[2:4] == ("ISystemActivator", "RemoteCreateInstance")
    assert call[8:] == ((("class", "MMC20.Application"),), False)
    [late] = events(found([(True, request(3, activation(next(iter(CLASSES)))))]))
    assert (late[2], late[8], late[9]) == ("ISystemActivator", (("class", "MMC20.Application"),), True)
    other = "11111111-2222-3333-4444-555555555555"
    assert arguments.activated(activation(other)) == other


def test_activation_on_a_server_whose_name_is_too_long() -> None:
    """A server name of excessive length is reported; a shorter name, or one followed by a share, is not."""
    for name, facts in (("F" * 300, (("path", "overlong"),)), ("FILES-1\\share\\" + "F" * 300, ()), ("F" * 200, ())):
        stub = bytes(48) + text("\\\\" + name)
        [_, call] = events(found([(True, bind([(0, sample.ACTIVATOR, 0)])), (True, request(4, stub))]))
        assert call[8] == facts


def test_replication_is_known_by_the_order_of_its_calls() -> None:
    """Encrypted DRSUAPI is inferred only if all calls were seen in order."""
    parsed = [event for event in events(found(sample.replicated())) if event[0] == "RpcCall"]
    assert [event[2] for event in parsed] == ["", "", "", "drsuapi"]
    assert parsed[-1][3] == "DRSGetNCChanges"
    assert parsed[-1][9]
    without = [part for part in sample.replicated() if part[1][22:24] != b"\x0c\0"]
    assert {event[2] for event in events(found(without)) if event[0] == "RpcCall"} == {""}


def test_netlogon_is_known_by_its_arguments() -> None:
    """Netlogon is inferred from its arguments if the bind was missed."""
    parsed = found(sample.zerologon()[2:])
    assert [event[2] for event in events(parsed)] == ["netlogon"] * 4


def test_any_cut_reports_the_same() -> None:
    """Streams fed byte by byte and in whole messages yield the same events."""
    for parts in (sample.mapper(), sample.service(), sample.zerologon()):
        pieces = [(from_client, data[at : at + 1]) for from_client, data in parts for at in range(len(data))]
        assert events(found(pieces)) == events(found(parts))
    whole = b"".join(data for from_client, data in sample.service() if from_client)
    assert len([event for event in events(found([(True, whole)])) if event[0] == "RpcCall"]) == 4


def test_fragments_and_long_messages() -> None:
    """Only the first fragment is parsed, and only the beginning of a long message."""
    first = request(12, text("Updater") + bytes(5000), flags=1)
    last = request(12, bytes(5000), flags=2)
    parsed = found([(True, bind([(0, sample.SVCCTL, 2)])), (True, first + last + request(0, bytes(20), call=9))])
    assert [(event[3], event[7]) for event in events(parsed)[1:]] == [
        ("CreateServiceW", ("Updater",)),
        ("CloseServiceHandle", ()),
    ]


@pytest.mark.parametrize("size", [16, 200, 1008])
def test_small_segments_of_a_long_message(size: int) -> None:
    """A long call is reported from the small segments that the select pass passes on (``WEIGHT`` in decode/flows.pxd),
    and so is a bind whose authentication data is longer.
    """
    passed = -(-Dcerpc.interest.opening * 63 // -(-size // 16)) * size
    stub = text("Updater") + bytes(3000)
    assert passed < len(stub)
    long_bind = bind([(0, sample.SVCCTL, 2)], verifier=bytes(3000), level=6)
    for whole, call in ((request(12, stub), "CreateServiceW"), (long_bind, ("svcctl",))):
        stream = Dcerpc().stream(CLIENT)
        found([(True, bind([(0, sample.SVCCTL, 2)]))], stream)
        pieces = [(True, whole[at : at + size]) for at in range(0, passed, size)]
        assert [event[2 if event[0] == "RpcBind" else 3] for event in events(found(pieces, stream))] == [call]


def test_gap_and_late_start() -> None:
    """After a gap, parsing resumes at a segment that begins with a message."""
    stream = Dcerpc().stream(CLIENT)
    found([(True, bind([(0, sample.SVCCTL, 2)]))], stream)
    half = request(19, bytes(200))
    assert events(found([(True, half[:40])], stream)) == []
    list(stream.gap(CLIENT, 3000, True))
    assert events(found([(True, b"\1" * 100)], stream)) == []
    assert [event[3] for event in events(found([(True, request(19, bytes(32)))], stream))] == ["StartServiceW"]


def test_unknown_hosts_are_left_alone() -> None:
    """Other protocols on the endpoint mapper's port yield nothing, and after a limit the stream ends."""
    stream = Dcerpc().stream(CLIENT)
    for _ in range(UNPARSED_LIMIT + 2):
        assert found([(True, b"GET / HTTP/1.1\r\n\r\n")], stream) == []
    assert stream.done


@pytest.mark.parametrize("data", [message(11, bytes(8)), message(0, bytes(4)), message(11, b"\0" * 8 + b"\x05\0\0\0")])
def test_bodies_that_end_early_are_malformed(data: bytes) -> None:
    """A complete message that is too short for its type is malformed."""
    with pytest.raises(Malformed):
        found([(True, data)])


def test_big_endian_and_other_versions_report_nothing() -> None:
    """Big-endian messages and other versions, which these interfaces do not use, yield nothing."""
    big = bytearray(request(12, bytes(40)))
    big[4], big[8:10] = 0, big[9:7:-1]
    assert found([(True, bytes(big))]) == []
    assert found([(True, b"\4" + request(12)[1:])]) == []


def test_texts() -> None:
    """UTF-16, narrow, NDR64 and BSTR texts are read; unprintable ones and those with wrong lengths are not."""
    stub = text("one") + narrow("two") + bytes(4) + bstr("three") + struct.pack("<I", 7)
    assert arguments.texts(stub) == ("one", "two", "three")
    assert arguments.texts(bytes(8) + text64("four")) == ("four",)
    assert arguments.texts(struct.pack("<III", 9, 0, 9) + b"\1\0\3\0" * 8) == ()
    assert arguments.texts(struct.pack("<III", 0xFFFFFF, 0, 0xFFFFFF) + bytes(64)) == ()
    assert arguments.texts(text("x" * 5000))[0] == "x" * 256
    assert arguments.texts(b"") == ()


def test_pipes() -> None:
    """Pipes use the same parser, by handle; the pipe's name identifies the interface if the bind was missed, also for
    an unknown handle.
    """
    pipes, parsed = Pipes(), []
    pipes.read(CLIENT, "svcctl", "01", request(12, text("Updater") + bytes(20)), parsed)
    pipes.read(CLIENT, "", "", bind([(0, sample.SVCCTL, 2)]), parsed)
    pipes.read(CLIENT, "", "02", request(31, bytes(20)), parsed)
    pipes.read(CLIENT, "lsarpc", "03", request(0, bytes(20)), parsed)
    pipes.read(CLIENT, "other", "04", b"\5\0\0\3\x10", parsed)
    pipes.read(CLIENT, "other", "04", message(11, bytes(8)), parsed)
    assert [event[1:4] for event in events(parsed)] == [
        ("svcctl", "svcctl", "CreateServiceW"), ("", ("svcctl",), 0), ("", "svcctl", "StartServiceA"),
        ("lsarpc", "", ""),
    ]  # fmt: skip


def test_truncated_bind() -> None:
    """Contexts behind a truncation have the interface before it, as Windows offers one in several transfer syntaxes; a
    complete bind describes its own contexts only.
    """
    offer = bind([(number, sample.SVCCTL, 2) for number in range(3)])
    cut = Packet(proto=6, src=CLIENT.src, problem=Problem.CUT)
    for packet, data, names in ((cut, offer[:76], ["svcctl"] * 3 + [""]), (CLIENT, offer[:76], ["svcctl", "", "", ""])):
        pipes, parsed = Pipes(), []
        pipes.read(packet, "", "01", data, parsed)
        for number in range(4):
            pipes.read(CLIENT, "", "01", request(19, bytes(20), context=number, call=number), parsed)
        assert [event[2] for event in events(parsed) if event[0] == "RpcCall"] == names


def test_answers_without_their_call_report_nothing() -> None:
    """A response without its call yields nothing."""
    assert found([(False, response(bytes(24)))]) == []


def test_table() -> None:
    """Every pipe and call has a name, and every call with reported texts is in the table."""
    assert of_pipe("SVCCTL") is INTERFACES["svcctl"]
    assert not of_pipe("lsarpc").name
    for name, interface in INTERFACES.items():
        assert interface.name == name
        assert interface.with_texts <= set(interface.calls)
        assert all(call.isidentifier() for call in interface.calls.values())


def source(wide: bool, server: str | None, *names: tuple[int, int, str | None]) -> bytes:
    """Arguments of ElfrRegisterEventSourceW: the server, then names as (length, maximum length, characters), then the
    version; ``wide``: in NDR64.
    """
    reference, name, sizes, step = ("<Q", "<HH4xQ", "<QQQ", 8) if wide else ("<I", "<HHI", "<III", 4)
    stub = struct.pack(reference, 0 if server is None else 0x20000)
    for length, room, characters in ((-1, 0, server), *names):
        if length >= 0:
            stub += struct.pack(name, length, room, 0 if characters is None else 0x20004)
        if characters is not None:
            stub += struct.pack(sizes, len(characters), 0, len(characters)) + characters.encode("utf-16-le")
            stub += bytes(-len(stub) % step)
    return stub + struct.pack("<II", 1, 1)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("server", [None, "\\\\dc01\0", "\\\\files\0"])
def test_malformed_event_sources(wide: bool, server: str | None) -> None:
    """A length without characters and a non-empty module are malformed; ordinary and truncated calls are not."""
    read, fault = arguments.READERS["eventlog", 8], (("event_source", "malformed"),)
    ordinary = source(wide, server, (16, 18, "MySource\0"), (0, 2, "\0"))
    assert read(ordinary) == read(source(wide, server, (16, 18, "MySource\0"), (0, 0, None))) == ()
    for names in (((8, 8, None), (0, 0, None)), ((8, 8, "name"), (8, 8, "name")), ((8, 8, "name"), (8, 8, None))):
        assert read(source(wide, server, *names)) == fault
    assert [read(ordinary[:size]) for size in range(len(ordinary))] == [()] * len(ordinary)
