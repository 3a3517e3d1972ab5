"""A virtual network for real programs: network namespaces on a bridge, a router, external hosts, and a mirror port that
records the traffic of the bridge.

The subnet is that of the office (10.20.10.0/24), whose devices can be added. Nothing leaves the namespaces; all are
deleted when the lab closes. Needs root on Linux, iproute2, ethtool and tcpdump; the docstring of each scene lists other
packages.
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

from pcaps import _office_traffic as traffic
from pcaps._capture import Capture
from pcaps._office_hosts import ROUTER, Device

ROOT = Path(__file__).parents[2]
NET, WAN = "10.20.10", "172.31"
LARGEST = 300_000
WAIT_S = 20.0
OUIS = ("88:b1:11", "a4:bb:6d", "8c:ec:4b", "d8:bb:c1")
"""OUIs of computer vendors, for hosts without a given MAC address."""

SENDER = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
    sock.bind(("eth0", 0))
    for line in sys.stdin:
        sock.send(bytes.fromhex(line))
"""


@dataclass(frozen=True)
class Host:
    """A network namespace with one address."""

    name: str
    namespace: str
    ip: str
    mac: str = ""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Lab:
    """``folder``: working folder of programs."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="sensor-lab-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self._namespaces: list[str] = []
        self._started: list[subprocess.Popen[bytes]] = []
        self._links = 0
        self._switch = self._namespace("switch")
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

    def _namespace(self, name: str) -> str:
        namespace = f"lab-{os.getpid()}-{name}"
        _run("ip", "netns", "add", namespace)
        self._namespaces.append(namespace)
        for kind in ("default", "all"):
            _run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{kind}.disable_ipv6=1")
        _run("ip", "-n", namespace, "link", "set", "lo", "up")
        return namespace

    def _set(self, host: Host, *settings: str) -> None:
        _run("ip", "netns", "exec", host.namespace, "sysctl", "-qw", *settings)

    def _veth(self, namespace: str, name: str, other: str, port: str, mac: str = "") -> None:
        """A veth pair without offloading: checksums are complete, and no frame exceeds the MTU."""
        address = ("address", mac) if mac else ()
        _run("ip", "-n", namespace, "link", "add", name, *address, "type", "veth", "peer", "name", port, "netns", other)
        for here, device in ((namespace, name), (other, port)):
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
        """A host in the subnet; without ``address`` it has no lease yet."""
        rest = zlib.crc32(name.encode())
        mac = mac or f"{OUIS[rest % len(OUIS)]}:{rest >> 16 & 0xFF:02x}:{rest >> 8 & 0xFF:02x}:{rest & 0xFF:02x}"
        namespace = self._namespace(name)
        self._links += 1
        self._veth(namespace, "eth0", self._switch, f"p{self._links}", mac)
        _run("ip", "-n", self._switch, "link", "set", f"p{self._links}", "master", "br0")
        if address:
            _run("ip", "-n", namespace, "addr", "add", f"{ip}/24", "broadcast", "+", "dev", "eth0")
            if ip != ROUTER.ip:
                _run("ip", "-n", namespace, "route", "add", "default", "via", ROUTER.ip)
        return Host(name, namespace, ip, mac)

    def flood_frames(self) -> None:
        """The bridge does not learn addresses and forwards each frame to all ports, as a hub does."""
        _run("ip", "-n", self._switch, "link", "set", "br0", "type", "bridge", "ageing_time", "0")

    def external(self, name: str, ip: str) -> Host:
        """A host beyond the router; the link to it is not recorded."""
        namespace = self._namespace(name)
        self._links += 1
        near, far = f"{WAN}.{self._links}.1", f"{WAN}.{self._links}.2"
        self._veth(namespace, "eth0", self.router.namespace, f"wan{self._links}")
        _run("ip", "-n", self.router.namespace, "addr", "add", f"{near}/30", "dev", f"wan{self._links}")
        _run("ip", "-n", namespace, "addr", "add", f"{ip}/32", "dev", "lo")
        _run("ip", "-n", namespace, "addr", "add", f"{far}/30", "dev", "eth0", "noprefixroute")
        _run("ip", "-n", namespace, "route", "add", f"{WAN}.{self._links}.0/30", "dev", "eth0", "src", ip)
        _run("ip", "-n", namespace, "route", "add", "default", "via", near, "src", ip)
        _run("ip", "-n", self.router.namespace, "route", "add", f"{ip}/32", "via", far)
        return Host(name, namespace, ip)

    def device(self, device: Device) -> Host:
        """A device of the office: it leases its address and announces its services."""
        host = self.host(device.host.name, device.host.ip, device.host.mac)
        capture = Capture(0, ROUTER.mac)
        if device.dhcp:
            options = traffic.dhcp_options(
                device.host,
                parameters=device.dhcp.parameters,
                vendor=device.dhcp.vendor,
                hostname=device.dhcp.hostname,
                size=device.dhcp.size,
                fqdn=device.dhcp.fqdn,
            )
            traffic.lease(capture, 0, device.host, ROUTER, options)
        if device.services:
            traffic.announce(capture, 1, device.host, device.mdns, device.services)
        self.replay(capture, host)
        return host

    def replay(self, capture: Capture, *hosts: Host) -> None:
        """Sends the frames of a capture at their times, each from the host with its source MAC address, or else from
        the router.
        """
        senders = {host.mac: self._sender(host) for host in (self.router, *hosts)}
        started, start = time.monotonic(), min(at for at, _ in capture.frames)
        for at, frame in sorted(capture.frames, key=lambda entry: entry[0]):
            time.sleep(max(0.0, (at - start) / 1e9 - (time.monotonic() - started)))
            sender = senders.get(frame[6:12].hex(":"), senders[self.router.mac])
            if sender.stdin is not None:
                sender.stdin.write(frame.hex().encode() + b"\n")
                sender.stdin.flush()
        for sender in senders.values():
            sender.communicate(timeout=10)

    def _sender(self, host: Host) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ("ip", "netns", "exec", host.namespace, sys.executable, "-c", SENDER), stdin=subprocess.PIPE
        )

    def resolver(self, host: Host, server: str) -> None:
        """Sets the DNS resolver of a host."""
        folder = Path("/etc/netns") / host.namespace
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {server}\noptions timeout:2 attempts:1\n", encoding="ascii")

    def run(
        self, host: Host, *command: str, stdin: str = "", timeout: float = 120, more: Mapping[str, str] | None = None
    ) -> str:
        """Runs a program to its end and returns its output. The exit code is ignored: attacks fail."""
        prefix = ("ip", "netns", "exec", host.namespace)
        done = subprocess.run(
            [*prefix, *command],
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
        """Starts a program that runs until the lab closes; waits until it listens on ``port``."""
        prefix = ("ip", "netns", "exec", host.namespace)
        with (self.folder / "programs.log").open("ab") as log:
            process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(None),
                start_new_session=True,
            )
        self._started.append(process)
        deadline = time.monotonic() + WAIT_S
        while port and f":{port} " not in self.run(host, "ss", "-Hln", f"--{proto}"):
            if time.monotonic() > deadline or process.poll() is not None:
                raise TimeoutError(
                    f"{command[0]} does not listen on {proto}/{port}: "
                    f"{(self.folder / 'programs.log').read_text(errors='replace')[-400:]}"
                )
            time.sleep(0.1)
        return process

    def serve(
        self, host: Host, service: str, *arguments: str, port: int, proto: str = "tcp"
    ) -> subprocess.Popen[bytes]:
        """Starts a server of _servers.py."""
        return self.start(host, sys.executable, "-m", "pcaps.lab._servers", service, *arguments, port=port, proto=proto)

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.folder), "PYTHONPATH": str(ROOT), "LC_ALL": "C", **(more or {})}

    def stop(self, process: subprocess.Popen[bytes], signal_number: int = signal.SIGTERM) -> None:
        """Stops a program of this lab and its child processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    @contextlib.contextmanager
    def mirror(self, path: Path) -> Iterator[None]:
        """Records the traffic of the bridge."""
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
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            while process.stderr is not None and "listening on" not in (line := process.stderr.readline()):
                if not line:
                    raise OSError("the mirror does not start")
            try:
                yield
            finally:
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)

    def close(self) -> None:
        for process in reversed(self._started):
            self.stop(process)
        for namespace in self._namespaces:
            for pid in subprocess.run(
                ["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True
            ).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)
            folder = Path("/etc/netns") / namespace
            (folder / "resolv.conf").unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                folder.rmdir()
        self._temporary.cleanup()


Scene = Callable[[Lab], Iterator[None]]
"""Sets up its hosts, yields when recording can start, then generates the traffic."""


def record(folder: Path, **scenes: Scene) -> None:
    """Runs the scenes named on the command line, or all, each in its own lab, and records them as NAME.pcap."""
    for name in sys.argv[1:] or scenes:
        lab = Lab()
        try:
            steps = scenes[name](lab)
            next(steps)
            path = lab.folder / "mirror.pcap"
            with lab.mirror(path):
                next(steps, None)
            data = path.read_bytes()
            if len(data) > LARGEST:
                raise ValueError(f"{name}: {len(data)} bytes exceed {LARGEST}")
            (folder / f"{name}.pcap").write_bytes(data)
            print(f"{name}: {len(data)} bytes")
        finally:
            lab.close()
