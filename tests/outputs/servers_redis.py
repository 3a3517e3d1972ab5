"""A separate Redis for a test: every write is on disk before it is answered (``appendfsync always``), so that kill -9
loses nothing.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.outputs.servers_base import Server, free_port

MISSING = "" if shutil.which("redis-server") else "redis-server is not installed"


class RedisServer(Server):
    """``socket``: its Unix socket; ``tls_port`` with ``certificate``, ``key`` and ``ca``: listens with TLS; ``lines``:
    additional configuration.
    """

    def __init__(
        self, *lines: str, certificate: Path | None = None, key: Path | None = None, ca: Path | None = None
    ) -> None:
        super().__init__()
        self.socket = self.folder / "redis.sock"
        self.tls_port = free_port() if certificate else 0
        reported = [f"port {self.port}", "bind 127.0.0.1", f"unixsocket {self.socket}", f"dir {self.folder}", "save ''"]
        reported += ["appendonly yes", "appendfsync always", "repl-diskless-sync-delay 0", *lines]
        if certificate:
            self.more_ports = (self.tls_port,)
            reported += [
                f"tls-port {self.tls_port}",
                f"tls-cert-file {certificate}",
                f"tls-key-file {key}",
                f"tls-ca-cert-file {ca}",
                "tls-auth-clients no",
            ]
        (self.folder / "redis.conf").write_text("\n".join(reported) + "\n")

    def ready(self) -> bool:
        """It listens at the Unix socket last."""
        with socket.socket(socket.AF_UNIX) as probe:
            return super().ready() and probe.connect_ex(str(self.socket)) == 0

    def command(self) -> Sequence[str]:
        return ["redis-server", str(self.folder / "redis.conf")]
