"""A mining pool (Stratum in the variant of CryptoNote pools: JSON-RPC 2.0, one message per line) over TLS: ``python -m
pcaps.lab._pool PORT CERTIFICATE DIFFICULTY``.

A new job is sent when the block template changes, at random times as in a real network. Results are accepted without
verification.
"""

from __future__ import annotations

import json
import random
import secrets
import socket
import ssl
import sys
import threading
from typing import Any

JOB_S = 12.0  # mean time between block templates


class Miner:
    """The connection of a miner."""

    def __init__(self, connection: ssl.SSLSocket, difficulty: int) -> None:
        self._connection, self._id = connection, secrets.token_hex(8)
        self._target = ((1 << 32) // difficulty).to_bytes(4, "little").hex()
        self._lock, self._height = threading.Lock(), 3_204_118

    def run(self) -> None:
        with self._connection.makefile("r", encoding="ascii") as lines:
            for line in lines:
                self._answer(json.loads(line))

    def _answer(self, call: dict[str, Any]) -> None:
        result: dict[str, Any] = {"status": "KEEPALIVED" if call["method"] == "keepalived" else "OK"}
        if call["method"] == "login":
            result = {"id": self._id, "job": self._job(), "extensions": ["algo", "keepalive"], "status": "OK"}
            threading.Thread(target=self._push, daemon=True).start()
        self._send({"id": call["id"], "jsonrpc": "2.0", "error": None, "result": result})

    def _job(self) -> dict[str, Any]:
        self._height += 1
        blob = "1010" + secrets.token_hex(4) + "06" + secrets.token_hex(32) + "00000000" + secrets.token_hex(33)
        return {
            "blob": blob, "job_id": secrets.token_hex(8), "target": self._target, "algo": "cn-pico",
            "height": self._height, "seed_hash": "0" * 64,
        }  # fmt: skip

    def _push(self) -> None:
        wait = threading.Event()
        while not wait.wait(min(4 * JOB_S, 2 + random.expovariate(1 / (JOB_S - 2)))):
            self._send({"jsonrpc": "2.0", "method": "job", "params": self._job()})

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._connection.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def serve(port: int, certificate: str, difficulty: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("", port)) as listening:
        while True:
            connection, _ = listening.accept()
            miner = Miner(context.wrap_socket(connection, server_side=True), difficulty)
            threading.Thread(target=miner.run, daemon=True).start()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
