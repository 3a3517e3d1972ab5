"""Captures of real servers under load: clients in one network namespace, the server in another, tcpdump between them.

The mixed million consists of new hosts and attacks; this is what a server room sends. A capture is made once and kept.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.perf.captures import Captures
from tests.perf.live import lacking, wait_for

SERVER, CLIENT = "10.88.0.10", "10.88.0.20"
# A capture with fewer packets shows that its client failed.
FILES, LIMIT_S, PACKETS = 2000, 60, 1000
NGINX = """daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 1000000; root {folder}/files;
  ssl_certificate {folder}/cert; ssl_certificate_key {folder}/key;
  server {{ listen {server}:80; listen {server}:443 ssl; }}
}}
"""
SAMBA = """[global]
interfaces = {server}
bind interfaces only = yes
map to guest = Bad User
guest account = root
private dir = {folder}
lock directory = {folder}
state directory = {folder}
cache directory = {folder}
pid directory = {folder}
ncalrpc dir = {folder}/rpc
[files]
path = {folder}/share
read only = no
guest ok = yes
"""
UNBOUND = """server:
  interface: {server}
  access-control: 10.0.0.0/8 allow
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: "{folder}/pid"
  local-zone: "office.example." redirect
  local-data: "office.example. A 10.88.0.1"
"""
SNMPD = "rocommunity public\nsysdescr Linux server\n"
# Each query has another name and is answered with an address: repetitions within seconds would not be read.
QUERIES = "".join(f"host-{number}.office.example A\n" for number in range(100_000))


class Load(NamedTuple):
    """``server`` and ``client``: commands; ``{folder}`` is the folder with the configuration ``text``."""

    name: str
    text: str
    server: str
    port: int
    client: str


WEB = "nginx -c {folder}/configuration"
FILE_SERVER = "smbd -s {folder}/configuration --foreground --no-process-group"
SHARE = f"smbclient //{SERVER}/files -N -c"
LOADS = (
    Load("HTTP, kept connections", NGINX, WEB, 80, f"ab -q -k -n 150000 -c 8 http://{SERVER}/page.html"),
    Load("HTTP, a connection each", NGINX, WEB, 80, f"ab -q -n 12000 -c 4 http://{SERVER}/page.html"),
    Load("HTTPS, a connection each", NGINX, WEB, 443, f"ab -q -n 5000 -c 4 https://{SERVER}/page.html"),
    Load("SMB, files written", SAMBA, FILE_SERVER, 445, f"{SHARE} 'prompt OFF; lcd {{folder}}/files; mput f*.bin'"),
    Load("SMB, files read", SAMBA, FILE_SERVER, 445,
         f"{SHARE} 'prompt OFF; lcd {{folder}}/files; mput f*.bin; lcd {{folder}}/rpc; mget f*.bin; ls; ls'"),
    Load("Redis", "", f"redis-server --bind {SERVER} --protected-mode no --dir {{folder}}", 6379,
         f"redis-benchmark -h {SERVER} -n 40000 -c 10 -q -t get,set,lpush,incr"),
    Load("DNS, names that differ", UNBOUND, "unbound -d -c {folder}/configuration", 53,
         f"dnsperf -s {SERVER} -d {{folder}}/queries -l 5 -c 4 -Q 15000"),
    Load("SNMP walks", SNMPD, f"snmpd -f -Lo -C -c {{folder}}/configuration udp:{SERVER}:161", 161,
         f"sh -c 'for i in 1 2 3 4 5 6; do snmpwalk -v2c -c public {SERVER} .1.3; done'"),
)  # fmt: skip


def missing(load: Load) -> str:
    """The reason why a load cannot be run here; empty if it can."""
    return lacking(("ip", "ethtool", "ss", "tcpdump", "openssl", load.server.split()[0], load.client.split()[0]))


def capture(load: Load, folder: Path) -> Path:
    """The capture of a load, made if missing. ``folder``: where captures are kept. Raises RuntimeError if its server
    or client failed.
    """
    path = folder / f"servers-{load.name.lower().replace(', ', '-').replace(' ', '-')}.pcap"
    if not path.exists():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as used:
            made = _recorded(load, Path(used))
            shutil.move(made, path)
    return path


def _recorded(load: Load, folder: Path) -> Path:
    """Run server, recorder and client, each to its end. Raises RuntimeError if one failed."""
    _prepare(load, folder)
    path, names = folder / "recorded.pcap", (f"sensor-srv-{os.getpid()}", f"sensor-cli-{os.getpid()}")
    with _network(*names), ExitStack() as running:
        running.enter_context(_started(names[0], load.server.format(folder=folder)))
        try:
            wait_for(lambda: _listens(names[0], load.port))
        except TimeoutError as error:
            raise RuntimeError(f"{load.server.split()[0]} does not listen on port {load.port}: {error}") from None
        recorder = f"tcpdump -q -i eth0 -s 0 -B 65536 -w {path}"
        running.enter_context(_started(names[1], recorder))
        wait_for(path.exists)
        command = ["timeout", str(LIMIT_S), *_in(names[1], load.client.format(folder=folder))]
        client = subprocess.run(command, capture_output=True, text=True, check=False)
    if (packets := Captures.packets(path)) < PACKETS:
        raise RuntimeError(f"{load.name}: {packets} packets, client: {(client.stderr or client.stdout).strip()[-200:]}")
    return path


def _prepare(load: Load, folder: Path) -> None:
    """The files that servers and clients of all loads need."""
    for name in ("files", "share", "rpc"):
        (folder / name).mkdir()
    folder.chmod(0o755)
    (folder / "configuration").write_text(load.text.format(folder=folder, server=SERVER))
    (folder / "queries").write_text(QUERIES)
    (folder / "files" / "page.html").write_text("<html><title>page</title>text</html>\n")
    if load.server == FILE_SERVER:
        for number in range(FILES):
            (folder / "files" / f"f{number}.bin").write_bytes(os.urandom(100 + number * 4))
    key = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=files.office.example"
    subprocess.run([*key.split(), "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True)


@contextmanager
def _network(server: str, client: str) -> Iterator[None]:
    """Two network namespaces with an address each."""
    commands = [f"ip netns add {server}", f"ip netns add {client}"]
    commands.append(f"ip -n {server} link add eth0 type veth peer name eth0 netns {client}")
    for space, mac, address in ((server, "00:15:5d:00:0b:10", SERVER), (client, "3c:52:82:00:0b:20", CLIENT)):
        commands.append(f"ip -n {space} link set eth0 address {mac} up")
        commands.append(f"ip -n {space} link set lo up")
        commands.append(f"ip -n {space} address add {address}/24 dev eth0")
    # Packets as on a wire.
    commands += [
        f"ip netns exec {space} ethtool -K eth0 tx off rx off tso off gso off gro off" for space in (server, client)
    ]
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)
        yield
    finally:
        for space in (server, client):
            subprocess.run(["ip", "netns", "del", space], check=False)


def _in(space: str, command: str) -> list[str]:
    return ["ip", "netns", "exec", space, "sh", "-c", f"exec {command}"]


@contextmanager
def _started(space: str, command: str) -> Iterator[None]:
    """A program that runs until the end of the block, with its children."""
    running = subprocess.Popen(
        _in(space, command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait()


def _listens(space: str, port: int) -> bool:
    """Whether a server is bound to a port, of TCP or UDP."""
    found = subprocess.run(["ip", "netns", "exec", space, "ss", "-ltunH"], check=True, capture_output=True, text=True)
    return any(line.split()[4].endswith(f":{port}") for line in found.stdout.splitlines())
