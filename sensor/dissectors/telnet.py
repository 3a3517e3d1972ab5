"""Telnet (RFC 854, RFC 855): banners, logins and their result.

Options are skipped anywhere. What a server sends before the first answer is its banner; the line that is answered is
the prompt, and the first one is a separate fact: many devices name themselves only there. The result is read from
what the server sends next: a message, the same or a login prompt, or a shell prompt; if that is ambiguous the login is
reported as undecided. If the capture holds no packet of the server, the first two lines of the client are a login, and
so is a line that repeats the user with the line after it. A password is stored as a seal. Of shell input only lines
that download programs, run them or invoke BusyBox are stored: that is how malware is installed on such devices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.observation import Observation, Subject
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.rat import RatStream
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared.seal import seal

IAC, SB, SE = 255, 250, 240
WILL, DO, DONT = 251, 253, 254
# Options at the beginning of a connection (IANA, Telnet Options): binary, echo, suppress go ahead, status, terminal
# type, window size, speed, flow control, line mode, X display, environment, authentication, encryption, and the new
# environment.
OPTIONS = (0, 1, 3, 5, 24, 31, 32, 33, 34, 35, 36, 37, 38, 39)
STARTS = tuple(bytes((IAC, command, option, IAC)) for command in (WILL, DO) for option in OPTIONS)
BANNER_LIMIT = 1024
PROMPT_LIMIT = 128
TEXT_LIMIT = 4096
TYPED_LIMIT = 128
LINE_LIMIT = 512
TYPED_BEHIND_LIMIT = 8192
ERASE = (8, 127)
BOT = b"\0\0\0\x01"  # the first segment of Mirai, whose server uses port 23; longer ones are read by ``rat``
PRINTABLE = 32
_LOGIN = lazy_pattern(
    r"(?:log ?[io]n|user ?name|user ?id|user|account|benutzername)(?: name)?[^\w:>]{0,3}[:>]\s*$", re.IGNORECASE
)
_PASSWORD = lazy_pattern(r"(?:pass(?:word|code|phrase|wd)?|kennwort|passwort)\b[^:>]{0,40}[:>]\s*$", re.IGNORECASE)
_PROMPT = lazy_pattern(r"[:>#$%?]\s*$")
_REFUSED = lazy_pattern(
    r"incorrect|invalid|fail|denied|bad pass|wrong|not authori[sz]ed|unknown user|refused|rejected", re.IGNORECASE
)
_COMMAND = lazy_pattern(
    rb"\b(?:busybox|wget|curl|tftp|ftpget|ftpput|lwp-download)\b|\bchmod\s+(?:[0-7]{3,4}|"
    rb"[ugoa]*\+[rwx]*x)|/dev/tcp/|(?:\\x[0-9a-fA-F]{2}){4}|(?:\\[0-3][0-7]{2}){4}"
)
# The variable USER in an environment that the client sends (RFC 1572), with an option of the login program.
_USER_OPTION = lazy_pattern(rb"\xff\xfa[\x24\x27][\x00\x02][^\xff]{0,200}?USER\x01(-[^\x00-\x1f\xff]{1,60})")
_NAME = lazy_pattern(r"[\w.@\\-]{1,32}")  # of a user, if the prompt is not known
_USER_INFO = lazy_pattern(r"(://)[^/\s@]{1,255}@")
_SECRET = lazy_pattern(r"(\s-{1,2}(?:p|pass|password|http-password|ftp-password|user)[ =])\S+")
_SHELL = lazy_pattern(r"[#$>%\]]\s*$|welcome|last login", re.IGNORECASE)


class TelnetBanner(Event):
    """Text that a server sends before the first response, on one line."""

    text: str


class TelnetLogin(Event):
    """A login. ``result``: ``accepted``, ``refused`` or ``undecided``; ``password``: one was requested and sent;
    ``seal``: of user and password.
    """

    user: str
    password: bool
    result: str
    seal: str = ""


class TelnetCommand(Event):
    """A line of shell input that downloads a program, makes one executable or invokes BusyBox (``busybox``); passwords
    in it are masked.
    """

    line: str


class Telnet(Dissector):
    """Whole connections until a login succeeds: they are small. After that only the client's input, up to a limit."""

    interest = Interest(tcp=(23, 2323), starts=STARTS, stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return TelnetStream()


class TelnetStream(Stream):
    """One connection: the server's output since the last line of the client, and the state of a login."""

    def __init__(self) -> None:
        self._options = (_Options(), _Options())
        self._shown = bytearray()
        self._typed = bytearray()
        self._prompt = ""
        self._user = self._seal = self._password_prompt = ""
        self._server = (Subject(0), 0)
        self._password = self._banner = self._awaiting = self._behind = False
        self._one_way = self._named = False  # without packets of the server; the last line was a user
        self._left = TYPED_BEHIND_LIMIT
        self._last: Packet | None = None
        self._bot: Stream | None = None  # no Telnet, but a bot that uses its port

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client and data == BOT and not self._options[0].begun:
            self._bot = RatStream()
        if self._bot is None:
            yield from self._telnet(packet, data, from_client)
            return
        yield from self._bot.feed(packet, data, from_client)
        self.done = self._bot.done

    def _telnet(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client and (option := _USER_OPTION.search(data)):
            yield ServiceCommand(packet, "telnet", f"USER {clean(option[1], TYPED_LIMIT)}")
        text = self._options[not from_client].text(data)
        if not text:
            return
        if not from_client:
            self._server, self._last = (Subject(packet.src_mac, packet.src, packet.vlan), packet.flow), packet
            fitting = text[: max(TEXT_LIMIT - len(self._shown), 0)]
            self._shown += fitting
            if b"\n" in fitting:  # only a new line can decide a login
                yield from self._check_login(packet, final=False)
            return
        for byte in text:
            if byte not in b"\r\n\0" and not self._typed and not self._prompt and not self._behind:
                yield from self._answered(packet)
            if byte == 13 or (byte == 10 and (self._prompt or self._behind)):
                yield from self._entered(packet)
            elif byte in ERASE:
                del self._typed[-1:]
            elif byte >= PRINTABLE and len(self._typed) < LINE_LIMIT:
                self._typed.append(byte)
        if self._behind:
            self._left -= len(text)
            self.done = self._left <= 0

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        """The missing bytes may be a prompt or a name: the pending login is discarded."""
        if self._bot is not None:
            return self._bot.gap(packet, missing, from_client)
        self._options[not from_client].reset()
        if self._behind and not from_client:  # the server's output is no longer needed
            return iter(())
        self._shown.clear()
        self._typed.clear()
        self._prompt = self._user = ""
        self._password = self._awaiting = self._named = False
        self._banner = True
        return iter(())

    def finish(self) -> Iterator[Parsed]:
        """Programs that guess passwords disconnect as soon as they receive the result, which is the server's last
        output.

        A banner without a response is a fact, but no event.
        """
        if self._last is not None and self._shown.strip():
            yield from self._check_login(self._last, final=True)
            if not self._banner:
                yield from self._greeting(self._last.ts, *self._server_lines())

    def _answered(self, packet: Packet) -> Iterator[Parsed]:
        """The client begins a line: the text before it is the banner, and a prompt."""
        yield from self._check_login(packet, final=True)
        before, prompt = self._server_lines()
        self._one_way = packet.one_sided
        self._prompt = prompt or " "
        if not self._banner:
            self._banner = True
            text, _ = _banner(before, prompt)
            if text:
                yield TelnetBanner(packet, text)
            yield from self._greeting(packet.ts, before, prompt)

    def _server_lines(self) -> tuple[str, str]:
        """(complete lines, text after them) of the server's output."""
        before, _, last = self._shown.decode("utf-8", "replace").replace("\r", "\n").rpartition("\n")
        return before, last

    def _greeting(self, ts: int, before: str, last: str) -> Iterator[Parsed]:
        """Facts in the text before the first response."""
        subject, flow = self._server
        text, prompt = _banner(before, last)
        if text:
            yield Observation(ts, subject, "telnet.banner", text, flow)
        if prompt:
            yield Observation(ts, subject, "telnet.prompt", prompt, flow)

    def _entered(self, packet: Packet) -> Iterator[Parsed]:
        """The client ends a line: a response to the prompt."""
        if self._behind:
            yield from self._commanded(packet)
        elif _LOGIN.search(self._prompt):
            self._user, self._password, self._awaiting = clean(bytes(self._typed), TYPED_LIMIT), False, False
        elif _PASSWORD.search(self._prompt):
            self._password = self._awaiting = True
            self._seal, self._password_prompt = seal(self._user, bytes(self._typed)), self._prompt
        elif not self._prompt:  # an empty line, typed to get a prompt
            return
        elif self._one_way:
            yield from self._blind(packet)
        else:
            yield from self._commanded(packet)
        self._typed.clear()
        self._shown.clear()
        self._prompt = ""

    def _blind(self, packet: Packet) -> Iterator[Parsed]:
        """A line of the client without the prompt it responds to: a user, a password, or shell input."""
        line = clean(bytes(self._typed), TYPED_LIMIT)
        if self._named:
            self._named = False
            yield TelnetLogin(packet, self._user, True, "undecided", seal(self._user, bytes(self._typed)))
        elif self._user in ("", line) and _NAME.fullmatch(line):
            self._user, self._named = line, True
        else:
            yield from self._commanded(packet)

    def _commanded(self, packet: Packet) -> Iterator[Parsed]:
        """A line of shell input; few are reported."""
        if _COMMAND.search(self._typed):
            line = _USER_INFO.sub(r"\1", clean(bytes(self._typed), LINE_LIMIT))
            yield TelnetCommand(packet, _SECRET.sub(r"\1***", line))

    def _check_login(self, packet: Packet, *, final: bool) -> Iterator[Parsed]:
        """The result of a login: from a complete line of the server, or, if the client continues, from all of its
        output.
        """
        if not self._awaiting:
            return
        shown = self._shown.decode("utf-8", "replace")
        lines = shown if final else shown.rpartition("\n")[0]
        again = final and (_LOGIN.search(shown) or self._server_lines()[1] == self._password_prompt)
        if _REFUSED.search(lines) or again:
            result = "refused"
        elif final:
            result = "accepted" if _SHELL.search(shown) else "undecided"
        else:
            return
        self._awaiting = False
        yield TelnetLogin(packet, self._user, self._password, result, self._seal)
        if result == "accepted":
            self._behind, self.idle = True, (False, True)


def _banner(before: str, last: str) -> tuple[str, str]:
    """(banner, prompt) in the complete lines and the last one.

    A last line that is not a prompt belongs to the banner; a prompt without a name is left out.
    """
    if not _PROMPT.search(last):
        before, last = f"{before} {last}", ""
    prompt = clean(" ".join(last.split()), PROMPT_LIMIT)
    named = not (_LOGIN.match(prompt) or _PASSWORD.match(prompt))
    return clean(" ".join(before.split()), BANNER_LIMIT), prompt if named else ""


class _Options:
    """Removes options from one direction, split at any byte."""

    __slots__ = ("_state", "begun")

    def __init__(self) -> None:
        self._state, self.begun = "text", False

    def reset(self) -> None:
        self._state = "text"

    def text(self, data: bytes) -> bytes:
        """The text bytes. Raises Malformed if a connection begins with unprintable data."""
        if not self.begun and data:
            self.begun = True
            if data[0] < PRINTABLE and data[0] not in b"\0\7\10\t\n\13\f\r\33":
                raise Malformed("no text")
        if self._state == "text" and IAC not in data:
            return data
        found = bytearray()
        for byte in data:
            self._state = self._next(byte, found)
        return bytes(found)

    def _next(self, byte: int, found: bytearray) -> str:
        state = self._state
        if state == "text":
            if byte != IAC:
                found.append(byte)
                return state
            return "command"
        if state == "command":
            if byte == IAC:
                found.append(byte)
            return "option" if WILL <= byte <= DONT else "inside" if byte == SB else "text"
        if state == "inside":
            return "ending" if byte == IAC else state
        if state == "ending":
            return "text" if byte == SE else "inside"
        return "text"
