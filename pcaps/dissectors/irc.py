"""IRC: a bot logs in, joins a channel with a key, receives commands and reports results; a user chats; an FTP client
whose password is not IRC.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation

SERVER = "203.0.113.66"


def frames() -> Frames:
    yield from conversation(
        (DESKTOP, "10.20.30.14", 49400),
        (GATEWAY, SERVER, 6667),
        [
            (True, b"PASS hidden\r\nNICK [DEU|XP]48151623\r\nUSER x 0 * :x\r\n"),
            (False, b":irc.example 001 [DEU|XP]48151623 :Welcome\r\nPING :42\r\n"),
            (True, b"PONG :42\r\nJOIN #crew letmein\r\n"),
            (False, b":irc.example 332 [DEU|XP]48151623 #crew :.advscan asn1smb 100 5 0 -b -r -s\r\n"),
            (True, b"PRIVMSG #crew :[SCAN]: Random Port Scan started on 10.20.x.x:445\r\n"),
            (False, b":boss!b@example PRIVMSG #crew :!udp 198.51.100.7 80 60\r\n"),
        ],
    )
    yield from conversation(
        (DESKTOP, "10.20.30.15", 49401),
        (GATEWAY, SERVER, 6667),
        [
            (True, b"CAP LS 302\r\nNICK anna\r\nUSER anna 0 * :Anna\r\n"),
            (False, b":irc.example 001 anna :Welcome\r\n"),
            (True, b"JOIN #cooking\r\n"),
            (False, b":ben!b@example PRIVMSG #cooking :how do you update sourdough?\r\n"),
            (True, b"PRIVMSG #cooking :every day\r\n"),
        ],
    )
    yield from conversation(
        (DESKTOP, "10.20.30.14", 49402),
        (GATEWAY, "10.20.30.1", 2121),
        [
            (True, b"PASS secret\r\n"),
            (False, b"230 Logged in\r\n"),
            *[(True, b"LIST\r\n"), (False, b"226 Done\r\n")] * 5,
        ],
    )
