"""A separate RabbitMQ for a test, as an unprivileged user: own node name, ports, cookie and folder, and its own port
mapper (epmd).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.outputs.servers_base import Server, free_port

# The script in the path switches to its own user.
_PROGRAM = next((path for path in (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),) if path.is_file()), None)
MISSING = "" if _PROGRAM and shutil.which("epmd") else "RabbitMQ is not installed"
GREETING = b"AMQP\0\0\x09\x01"


class RabbitmqServer(Server):
    """User ``guest`` with password ``guest``. ``tls_port`` with ``certificate``, ``key`` and ``ca``, as text: listens
    with TLS; ``lines``: additional configuration.
    """

    def __init__(self, *lines: str, certificate: bytes = b"", key: bytes = b"", ca: bytes = b"") -> None:
        super().__init__(unprivileged=True)
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        reported = [
            f"listeners.tcp.default = 127.0.0.1:{self.port}",
            "log.console.level = warning",
            "log.file = false",
            "log.console = true",
            *lines,
        ]
        self.tls_port = free_port() if certificate else 0
        if certificate:
            self.more_ports = (self.tls_port,)
            reported.append(f"listeners.ssl.default = 127.0.0.1:{self.tls_port}")
            for name, text in (("certfile", certificate), ("keyfile", key), ("cacertfile", ca)):
                (self.folder / name).write_bytes(text)
                reported.append(f"ssl_options.{name} = {self.folder / name}")
        (self.folder / "rabbitmq.conf").write_text("\n".join(reported) + "\n")
        (self.folder / "enabled_plugins").write_text("[].\n")
        self.environment = {
            "RABBITMQ_NODENAME": f"sensor{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_DIST_PORT": str(free_port()),
            # Two threads are enough, and they sleep when idle.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # As under systemd: the program replaces its script.
            "RUNNING_UNDER_SYSTEMD": "1",
        }

    def command(self) -> Sequence[str]:
        return [str(_PROGRAM)]

    def ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(GREETING)
                return probe.recv(1) == b"\1" and super().ready()
        except OSError:
            return False

    def start(self) -> None:
        if self._epmd is None:
            environment = {
                "ERL_EPMD_PORT": str(self._epmd_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "PATH": "/usr/bin:/bin",
            }
            self._epmd = subprocess.Popen(
                ["epmd"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                **self._as,
            )
        super().start()

    def control(self, *arguments: str) -> None:
        """Run a command of rabbitmqctl."""
        assert _PROGRAM is not None
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **self.environment}
        subprocess.run(
            [_PROGRAM.with_name("rabbitmqctl"), *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            check=True,
            **self._as,
        )

    def close(self) -> None:
        super().close()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
