"""A separate PostgreSQL for a test, as an unprivileged user."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.outputs.servers_base import Server

_FOUND = sorted(
    Path("/usr/lib/postgresql").glob("*/bin/initdb"),
    key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
)
_INITDB = str(_FOUND[-1]) if _FOUND else shutil.which("initdb")
MISSING = "" if _INITDB else "PostgreSQL is not installed"
PASSWORD = "correct horse"


def verifier(password: str) -> str:
    """What PostgreSQL stores of a password for SCRAM-SHA-256 (RFC 5803), with one iteration: a client of the usual 4096
    computes for 4 ms in each connection.
    """
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client, server = (hmac.digest(salted, name, "sha256") for name in (b"Client Key", b"Server Key"))
    parts = (base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), server))
    return "SCRAM-SHA-256$1:{}${}:{}".format(*parts)


class PostgresqlServer(Server):
    """``settings``: additional configuration as ``name=value``; ``certificate`` and ``key``: offers TLS, both as text.
    User ``sensor`` is a superuser.
    """

    # Does not wait until all clients have disconnected.
    farewell = signal.SIGINT

    def __init__(self, *settings: str, certificate: bytes = b"", key: bytes = b"") -> None:
        super().__init__(unprivileged=True)
        assert _INITDB is not None
        self._bin, self._settings = Path(_INITDB).parent, list(settings)
        self.data = self.folder / "data"
        password = self._written("password", verifier(PASSWORD).encode())
        subprocess.run(
            [_INITDB, "-D", self.data, "-U", "sensor", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=self.folder, **self._as,
        )  # fmt: skip
        if certificate:
            self._settings += [
                "ssl=on",
                f"ssl_cert_file={self._written('crt', certificate)}",
                f"ssl_key_file={self._written('key', key)}",
            ]

    def command(self) -> Sequence[str]:
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            *self._settings,
        ]
        return [str(self._bin / "postgres"), "-D", str(self.data), *[part for one in settings for part in ("-c", one)]]

    def ready(self) -> bool:
        requested = subprocess.run(
            [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            capture_output=True,
            check=False,
        )
        return requested.returncode == 0

    def _written(self, name: str, text: bytes) -> str:
        """A file that only the server's user can read, as PostgreSQL requires for keys."""
        path = self.folder / name
        subprocess.run(["sh", "-c", 'umask 077; cat > "$0"', str(path)], input=text, check=True, **self._as)
        return str(path)
