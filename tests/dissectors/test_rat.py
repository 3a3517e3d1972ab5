"""Remote-access trojans and remote shells, by the first bytes of their messages."""

from __future__ import annotations

import pytest

from sensor.core.dissector import Stream
from sensor.core.packet import Packet
from sensor.dissectors.rat import Rat
from tests.dissectors.samples import events, packets
from tests.golden import Golden

# How a client of Windows Communication Foundation begins: version, mode, address, encoding, end ([MC-NMF], 2.2.3).
PREAMBLE = b"\0\x01\0\x01\x02\x02\x1cnet.tcp://198.51.100.7:6677/\x03\x08\x0c"


def parsed(data: bytes, *, from_client: bool = True) -> list[tuple[object, ...]]:
    return events(Rat().stream(Packet()).feed(Packet(data), data, from_client))


def test_the_small_capture(golden: Golden) -> None:
    """Each connection of the sample reports its malware family; data that only begins alike yields nothing."""
    streams: dict[int, Stream] = {}
    found: list[tuple[object, ...]] = []
    for packet in packets("rat"):
        from_client = packet.dport in (5552, 8000, 4444, 4433, 80)
        stream = streams.setdefault(packet.sport if from_client else packet.dport, Rat().stream(packet))
        found += events(stream.feed(packet, bytes(packet.payload), from_client))
    golden([each[1] for each in found])
    assert found[1][2].startswith("Gh0st")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "family"),
    [
        (b"lv|'|'|SGFj|'|'|", "njRAT"),
        (b"myversion|3.6 Public\r\n", "XtremeRAT"),
        (b"8EA4AB05FA7E", "DarkComet"),
        (b"BUILD MIPS\n", "Gafgyt"),
        (b"!* UDP 198.51.100.7 80 60 32 0 10\n", "Gafgyt"),
        (b"!* SCANNER ON\n", "Gafgyt"),
        (b"\0\0\0\x01\0\0\0\0\0", "Mirai"),
        (b"\0\0\0\x01\x0atelnet.arm\0\0\0\0", "Mirai"),
        (b"\x24\x04\xff\x00\x40\0\0\0" + bytes(64), "Remcos"),
        (b"\x41\0\0\0\x99" + bytes(range(64)), "NetWire"),
        (b"NetBus 1.70 \r", "NetBus"),
        (b"BN\x10\0\x02\0\0\0\x05\0", "NetBus"),
        (b"connected. time/date: 21:12.34 - May 2, 2000, Tuesday, version: GOLD 2.1", "SubSeven"),
        (b"connected. 21:12.34 - May 2, 2000, Tuesday, version: BoNuS 2.1", "SubSeven"),
        (b"\x00\x10\x01\x00MZARUH\x89\xe5", "Metasploit stage"),
        (b"MZ\xe8\0\0\0\0[REU\x89\xe5", "Metasploit stage"),
        (PREAMBLE + b"\x06\xa1\x01\x53\x1dhttp://tempuri.org/Entity/Id1\x1cnet.tcp://198.51.100.7:6677/", "RedLine"),
        (b"CAPS|C:\\x.dat|8492|\xff\xd8\xff\xe0\0\x10JFIF", "sends screens"),
    ],
)
def test_families(data: bytes, family: str) -> None:
    """Each family is detected by its first bytes."""
    assert parsed(data)[0][1].endswith(family)


@pytest.mark.parametrize("stage", [b"MZARUH\x89\xe5H\x83\xec ", b"MZ\xe8\0\0\0\0[REU\x89\xe5"])
def test_a_stage_behind_its_size(stage: bytes) -> None:
    """Metasploit sends the size alone, then the stage, also from ports that have a dissector: the segment is selected
    by its first bytes. A plain program is none.
    """
    assert Rat.interest.begins(stage)
    assert not Rat.interest.begins(b"MZ\x90\0\x03\0\0\0")
    stream = Rat().stream(Packet())
    assert events(stream.feed(Packet(), b"\x46\xae\x02\0", False)) == []
    assert [event[1] for event in events(stream.feed(Packet(), stage, False))] == ["Metasploit stage"]
    assert parsed(b"MZ\x90\0\x03\0\0\0") == parsed(b"\x46\xae\x02\0MZ\x90\0\x03\0\0\0") == []


@pytest.mark.parametrize(
    "data",
    [
        b"uid=0(root) gid=0(root)",
        b"root@lab:/var/www# ",
        b"sh: no job control in this shell",
        b"www-data@web:/var/www$ ",
        b"sh-5.1$ ",
        b"PS C:\\Users\\anna> ",
        b"$ uid=0(root) gid=0(root) groups=0(root)\n# ",
        b"# root\n# ",
        b"/bin/sh: can't access tty; job control turned off\n/ # ",
        b"\r\n\r\nBusyBox v1.19.4 (2014-08-12 13:34:02 CST) built-in shell (ash)\r\n",
        b"Microsoft Windows XP [Version 5.1.2600]",
    ],
)
def test_a_shell_is_one_where_a_user_types(data: bytes) -> None:
    """Shell output in one direction only is not reported; a command before or after it makes it a shell."""
    assert parsed(data) == parsed(data, from_client=False) == []
    stream = Rat().stream(Packet())
    assert events(stream.feed(Packet(data), data, True)) == []
    [shell] = events(stream.feed(Packet(b"dir\n"), b"dir\n", False))
    assert (shell[1], shell[3]) == ("command shell", True)
    requested = Rat().stream(Packet())
    assert events(requested.feed(Packet(b"id\n"), b"id\n", False)) == []
    assert [event[1] for event in events(requested.feed(Packet(data), data, True))] == ["command shell"]


@pytest.mark.parametrize(
    "typed",
    [
        b"id\nuname -a\n",
        b"id\npwd\n",
        b"whoami\n",
        b"uname -a\n",
        b"systeminfo\r\n",
        b"python3 -c 'import pty; pty.spawn(\"/bin/sh\")'\n",
    ],
)
def test_a_shell_without_a_prompt(typed: bytes) -> None:
    """Commands that come first are reported once the other side answers: that is where the shell is."""
    stream = Rat().stream(Packet())
    assert events(stream.feed(Packet(typed), typed, False)) == []
    [shell] = events(stream.feed(Packet(b"www-data\n"), b"www-data\n", True))
    assert (shell[1], shell[2].startswith(typed[:2].decode()), shell[3]) == ("command shell", True, True)  # type: ignore[attr-defined]
    assert events(stream.feed(Packet(b"x"), b"x", True)) == []


def datagrams(*sent: tuple[bytes, int], flow: int = 7) -> list[tuple[object, ...]]:
    """The events of one dissector for datagrams of a flow: payload and direction."""
    rat = Rat()
    return [
        one for data, side in sent for one in events(rat.dissect(Packet(data, proto=17, flow=flow, direction=side)))
    ]


def test_shells_over_udp() -> None:
    """A shell whose operator types commands is reported once, whichever side opened the flow and spoke first; its
    datagrams are selected on any port.
    """
    assert Rat.interest.datagrams
    assert Rat.interest.begins(b"uid=0(root)")
    listening = [(b"id\n", 0), (b"uid=0(root) gid=0(root)\n", 1), (b"uname -a\n", 0), (b"Linux host\n", 1)]
    assert datagrams(*listening, *listening) == [("RatMessage", "command shell", "uid=0(root) gid=", False)]
    banner = b"bash: cannot set terminal process group (-1): Inappropriate ioctl for device\n"
    [shell] = datagrams((banner, 0), (b"whoami\n", 1), (b"root\n", 0), (b"root@web:/# ", 0))
    assert (shell[1], shell[3]) == ("command shell", True)
    assert [one[3] for one in datagrams((b"whoami\n", 1), (b"root@web:/# ", 0))] == [True]


def test_datagrams_that_resemble_a_shell() -> None:
    """Lines of a log, commands without a shell that answers, a device that answers a command, and both from one side
    report nothing.
    """
    log = [(b"root@web:/# ", 0), (b"uid=0(root) gid=0(root)\n", 0), (b"bash: no job control in this shell\n", 0)]
    assert datagrams(*log) == datagrams((b"ifconfig\n", 0), (b"eth0 10.0.0.2\n", 1), (b"ifconfig\n", 0)) == []
    assert datagrams((b"whoami\n", 0), (b"Model: HDX 7000\r\n", 1)) == datagrams((b"whoami\n", 0), *log) == []
    assert datagrams((b"\x24\x04\xff\x00\x40\0\0\0", 0), (b"uname -a\n", 1)) == []


def test_a_conferencing_system_that_describes_itself() -> None:
    """A list of fields answers whoami on the control port of a conferencing system: it is no shell."""
    for answer in (b"Hi, my name is : room 4\r\n", b"Model: HDX 7000\r\nSerial Number: 8212\r\n"):
        stream = Rat().stream(Packet())
        assert events(stream.feed(Packet(b"whoami\r\n"), b"whoami\r\n", True)) == []
        assert events(stream.feed(Packet(answer), answer, False)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"Windows Update",
        b"\0\0\0\x01\0",  # a length and one byte
        b"\0\0\0\x01\x67\x42\0\x1e\0\0\0\x01",  # H.264
        b"Microsoft SQL Server",
        b"\x24\x04\xff",
        b"SSH-2.0-x",
        bytes(64),
        b"configure terminal",
        b"NetBus 1.70 manual",
        b"connected. Welcome to the chat\r\n",
        PREAMBLE + b"\x06\xa1\x01\x53\x24http://tempuri.org/IOrders/Entities\x1c",
    ],
)
def test_others_report_nothing(data: bytes) -> None:
    """Ordinary data and parts that are too short yield nothing."""
    assert parsed(data) == []


def test_a_family_is_reported_once_and_the_stream_ends() -> None:
    """A family is reported once for each connection, and the stream ends after a limit."""
    stream = Rat().stream(Packet())
    found = [each for _ in range(20) for each in stream.feed(Packet(), b"BAGLIMI?\n", True)]
    assert len(found) == 1
    assert [event[1] for event in events(stream.feed(Packet(), b"BAGLIMI?\n" * 20, False))] == []
    assert stream.done
