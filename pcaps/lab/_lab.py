"""A small network on this machine for real programs: namespaces on a bridge, a router, hosts beyond it, and a mirror
that writes down what passes the bridge.

The segment is the office's (10.20.10.0/24), so its inhabitants can live here as well. Nothing leaves the namespaces,
and all of them are gone when the lab closes. Needs root on Linux, iproute2, ethtool and tcpdump; each program of the
scenes says which others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pcaps import _office_speech as speech
from pcaps._craft import Tape
from pcaps._office_hosts import ROUTER, Inhabitant

ROOT = Path(__file__).parents[2]
NET, OUTSIDE = "10.20.10", "172.31"
LARGEST = 300_000
WAIT_S = 20.0
MAKERS = ("88:b1:11", "a4:bb:6d", "8c:ec:4b", "d8:bb:c1")
"""Makers of ordinary computers, for machines whose MAC a scene does not give."""

SENDER = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind(("eth0", 0))
    for line in sys.stdin:
        sock.send(bytes.fromhex(line))
"""


@dataclass(frozen=True)
class Host:
    """A namespace with one address."""

    name: str
    space: str
    ip: str
    mac: str = ""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Lab:
    """``folder``: where programs may put files."""

    def __init__(self) -> None:
        self._made = tempfile.TemporaryDirectory(prefix="sensor-lab-", ignore_cleanup_errors=True)
        self.folder = Path(self._made.name)
        self._spaces: list[str] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._links = 0
        self._switch = self._space("switch")
        _run(
            "ip",
            "-n",
            self._switch,
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "stp_state",
            "0",
            "mcast_snooping",
            "0",
            "group_fwd_mask",
            "0x4000",
        )
        _run("ip", "-n", self._switch, "link", "set", "br0", "up")
        self.router = self.host(ROUTER.name, ROUTER.ip, ROUTER.mac)
        self._set(
            self.router,
            "net.ipv4.ip_forward=1",
            "net.ipv4.conf.all.send_redirects=0",
            "net.ipv4.conf.eth0.send_redirects=0",
        )

    def _space(self, name: str) -> str:
        space = f"lab-{os.getpid()}-{name}"
        _run("ip", "netns", "add", space)
        self._spaces.append(space)
        for kind in ("default", "all"):
            _run("ip", "netns", "exec", space, "sysctl", "-qw", f"net.ipv6.conf.{kind}.disable_ipv6=1")
        _run("ip", "-n", space, "link", "set", "lo", "up")
        return space

    def _set(self, host: Host, *settings: str) -> None:
        _run("ip", "netns", "exec", host.space, "sysctl", "-qw", *settings)

    def _cable(self, space: str, name: str, other: str, port: str, mac: str = "") -> None:
        """A veth pair that hands over frames as a wire does: checksums filled, nothing larger than the MTU."""
        address = ("address", mac) if mac else ()
        _run("ip", "-n", space, "link", "add", name, *address, "type", "veth", "peer", "name", port, "netns", other)
        for here, device in ((space, name), (other, port)):
            _run(
                "ip",
                "netns",
                "exec",
                here,
                "ethtool",
                "-K",
                device,
                "tx",
                "off",
                "tso",
                "off",
                "gso",
                "off",
                "gro",
                "off",
            )
            _run("ip", "-n", here, "link", "set", device, "up")

    def host(self, name: str, ip: str, mac: str = "", *, address: bool = True) -> Host:
        """A machine of the segment; without ``address`` it has still to ask for one."""
        rest = zlib.crc32(name.encode())
        mac = mac or f"{MAKERS[rest % len(MAKERS)]}:{rest >> 16 & 0xFF:02x}:{rest >> 8 & 0xFF:02x}:{rest & 0xFF:02x}"
        space = self._space(name)
        self._links += 1
        self._cable(space, "eth0", self._switch, f"p{self._links}", mac)
        _run("ip", "-n", self._switch, "link", "set", f"p{self._links}", "master", "br0")
        if address:
            _run("ip", "-n", space, "addr", "add", f"{ip}/24", "broadcast", "+", "dev", "eth0")
            if ip != ROUTER.ip:
                _run("ip", "-n", space, "route", "add", "default", "via", ROUTER.ip)
        return Host(name, space, ip, mac)

    def flood_frames(self) -> None:
        """The bridge forgets addresses at once and forwards every frame to all ports, as a hub does."""
        _run("ip", "-n", self._switch, "link", "set", "br0", "type", "bridge", "ageing_time", "0")

    def outside(self, name: str, ip: str) -> Host:
        """A machine beyond the router; the way to it is not seen."""
        space = self._space(name)
        self._links += 1
        near, far = f"{OUTSIDE}.{self._links}.1", f"{OUTSIDE}.{self._links}.2"
        self._cable(space, "eth0", self.router.space, f"wan{self._links}")
        _run("ip", "-n", self.router.space, "addr", "add", f"{near}/30", "dev", f"wan{self._links}")
        _run("ip", "-n", space, "addr", "add", f"{ip}/32", "dev", "lo")
        _run("ip", "-n", space, "addr", "add", f"{far}/30", "dev", "eth0", "noprefixroute")
        _run("ip", "-n", space, "route", "add", f"{OUTSIDE}.{self._links}.0/30", "dev", "eth0", "src", ip)
        _run("ip", "-n", space, "route", "add", "default", "via", near, "src", ip)
        _run("ip", "-n", self.router.space, "route", "add", f"{ip}/32", "via", far)
        return Host(name, space, ip)

    def inhabitant(self, one: Inhabitant) -> Host:
        """Somebody of the office, who leases the address and says what such a device says."""
        host = self.host(one.machine.name, one.machine.ip, one.machine.mac)
        tape = Tape(0, ROUTER.mac)
        if one.dhcp:
            said = speech.dhcp_options(
                one.machine,
                wants=one.dhcp.wants,
                vendor=one.dhcp.vendor,
                hostname=one.dhcp.hostname,
                size=one.dhcp.size,
                fqdn=one.dhcp.fqdn,
            )
            speech.lease(tape, 0, one.machine, ROUTER, said)
        if one.services:
            speech.announce(tape, 1, one.machine, one.mdns, one.services)
        self.play(tape, host)
        return host

    def play(self, tape: Tape, *hosts: Host) -> None:
        """Sends the frames of a tape in its time, each from the host whose MAC it bears, the router for all others."""
        senders = {host.mac: self._sender(host) for host in (self.router, *hosts)}
        began, start = time.monotonic(), min(at for at, _ in tape.frames)
        for at, frame in sorted(tape.frames, key=lambda entry: entry[0]):
            time.sleep(max(0.0, (at - start) / 1e9 - (time.monotonic() - began)))
            sender = senders.get(frame[6:12].hex(":"), senders[self.router.mac])
            if sender.stdin is not None:
                sender.stdin.write(frame.hex().encode() + b"\n")
                sender.stdin.flush()
        for sender in senders.values():
            sender.communicate(timeout=10)

    def _sender(self, host: Host) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ("ip", "netns", "exec", host.space, sys.executable, "-c", SENDER), stdin=subprocess.PIPE
        )

    def resolver(self, host: Host, server: str) -> None:
        """Whom the host asks for names."""
        folder = Path("/etc/netns") / host.space
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {server}\noptions timeout:2 attempts:1\n", encoding="ascii")

    def run(
        self, host: Host, *command: str, stdin: str = "", timeout: float = 120, more: Mapping[str, str] | None = None
    ) -> str:
        """Runs a program to its end and gives what it printed. How it ends is no matter: attacks fail."""
        where = ("ip", "netns", "exec", host.space)
        done = subprocess.run(
            [*where, *command],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            cwd=self.folder,
            env=self._environment(more),
        )
        return done.stdout + done.stderr

    def start(self, host: Host, *command: str, port: int = 0, proto: str = "tcp") -> subprocess.Popen[bytes]:
        """Starts a program that goes on until the lab closes; waits until it listens on ``port``."""
        where = ("ip", "netns", "exec", host.space)
        with (self.folder / "programs.log").open("ab") as log:
            process = subprocess.Popen(
                [*where, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(None),
                start_new_session=True,
            )
        self._started.append(process)
        until = time.monotonic() + WAIT_S
        while port and f":{port} " not in self.run(host, "ss", "-Hln", f"--{proto}"):
            if time.monotonic() > until or process.poll() is not None:
                raise TimeoutError(
                    f"{command[0]} does not listen on {proto}/{port}: "
                    f"{(self.folder / 'programs.log').read_text(errors='replace')[-400:]}"
                )
            time.sleep(0.1)
        return process

    def serve(
        self, host: Host, service: str, *arguments: str, port: int, proto: str = "tcp"
    ) -> subprocess.Popen[bytes]:
        """Starts one of our own servers (_servers.py)."""
        return self.start(host, sys.executable, "-m", "pcaps.lab._servers", service, *arguments, port=port, proto=proto)

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "LC_ALL": "C", **(more or {})}

    def stop(self, process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
        """Ends a program that this lab started, and what that started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    @contextlib.contextmanager
    def mirror(self, path: Path) -> Iterator[None]:
        """Writes down what passes the bridge meanwhile."""
        listen = (
            "tcpdump",
            "-Z",
            "root",
            "-U",
            "--immediate-mode",
            "-s",
            "1600",
            "-B",
            "32768",
            "-i",
            "br0",
            "-w",
            str(path),
        )
        command = ("ip", "netns", "exec", self._switch, *listen)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as tape:
            while tape.stderr is not None and "listening on" not in (line := tape.stderr.readline()):
                if not line:
                    raise OSError("the mirror does not start")
            try:
                yield
            finally:
                time.sleep(0.5)
                tape.send_signal(signal.SIGINT)
                tape.communicate(timeout=10)

    def close(self) -> None:
        for process in reversed(self._started):
            self.stop(process)
        for space in self._spaces:
            for left in subprocess.run(
                ["ip", "netns", "pids", space], check=False, capture_output=True, text=True
            ).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(left), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)
            folder = Path("/etc/netns") / space
            (folder / "resolv.conf").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
        self._made.cleanup()


Scene = Callable[[Lab], Iterator[None]]
"""Sets up its machines, yields once the mirror may run, does what is to be recorded."""


def record(folder: Path, **scenes: Scene) -> None:
    """Plays the scenes that are named on the command line, or all, each in a lab of its own, and records them as
    NAME.pcap.
    """
    for name in sys.argv[1:] or scenes:
        lab = Lab()
        try:
            play = scenes[name](lab)
            next(play)
            made = lab.folder / "mirror.pcap"
            with lab.mirror(made):
                next(play, None)
            held = made.read_bytes()
            if len(held) > LARGEST:
                raise ValueError(f"{name}: {len(held)} bytes are too many")
            (folder / f"{name}.pcap").write_bytes(held)
            print(f"{name}: {len(held)} bytes")
        finally:
            lab.close()
