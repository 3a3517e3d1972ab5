"""Capture on real interfaces: two network namespaces and a veth pair between them, the sensor in one, a sender in the
other.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests import forked, namespaces
from tests.kit import ethernet, tcp_frame, udp_frame
from tests.waiting import until

TOOLS = [tool for tool in ("ip", "setpriv") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(sys.platform != "linux", reason="packet rings are Linux's"),
    pytest.mark.skipif(sys.platform == "linux" and os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(bool(TOOLS), reason=f"not installed: {', '.join(TOOLS)}"),
]

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    "OPENBLAS_NUM_THREADS": "1",
}
FRAME = udp_frame("10.0.0.1", "10.0.0.2", b"x" * 400)

LISTENER = "tests.lab.listener"

SENDER = """
import socket, sys
for line in sys.stdin:
    name, count, frame = line.split()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((name, 0))
        for _ in range(int(count)):
            sock.send(bytes.fromhex(frame))
    print("sent", flush=True)
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


class Lab:
    """``va`` here, ``vb`` there, both up and silent."""

    def __init__(self) -> None:
        self.here, self.there = f"sensor-a-{os.getpid()}", f"sensor-b-{os.getpid()}"
        self.processes: list[subprocess.Popen[str]] = []
        run("ip", "netns", "add", self.here)
        run("ip", "netns", "add", self.there)
        for space in (self.here, self.there):
            run("ip", "netns", "exec", space, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        self.cable()
        self.sender = self.start(self.here, "-ISc", SENDER)

    def cable(self, number: str = "") -> None:
        run(
            "ip",
            "-n",
            self.here,
            "link",
            "add",
            f"va{number}",
            "type",
            "veth",
            "peer",
            "name",
            f"vb{number}",
            "netns",
            self.there,
        )
        run("ip", "-n", self.here, "link", "set", f"va{number}", "arp", "off", "up")
        run("ip", "-n", self.there, "link", "set", f"vb{number}", "arp", "off", "up")

    def start(self, space: str, *program: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        """``program``: arguments of Python."""
        command = [sys.executable, *program]
        given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "env": ENVIRONMENT}
        if before or program[0] != "-m":
            process = subprocess.Popen(["ip", "netns", "exec", space, *before, *command], **given)
        else:
            process = forked.started(command, first=partial(namespaces.enter, space), **given)
        self.processes.append(process)
        return process

    def listen(
        self, *names: str, nap: float = 0, before: tuple[str, ...] = (), ready: bool = True, **options: object
    ) -> subprocess.Popen[str]:
        listener = self.start(
            self.there,
            "-m",
            LISTENER,
            json.dumps([names or ("vb",), {"ring_mib": 8, "block_kib": 256} | options, nap]),
            before=before,
        )
        if ready:
            assert listener.stdout.readline() == "ready\n"
        return listener

    def send(self, frame: bytes = FRAME, count: int = 1, name: str = "va") -> None:
        self.sender.stdin.write(f"{name} {count} {frame.hex()}\n")
        self.sender.stdin.flush()
        assert self.sender.stdout.readline() == "sent\n"

    def stop(self, listener: subprocess.Popen[str]) -> dict:
        listener.send_signal(signal.SIGINT)
        reported = json.loads(listener.communicate(timeout=60)[0])
        assert listener.returncode == 0
        assert reported["answered"] < 10
        assert sum(reported["read"]) == reported["packets"] == len(reported["frames"])
        return reported

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        for space in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", space], check=False)


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    try:
        yield lab
    finally:
        lab.close()


def test_counters_equal_those_of_the_kernel(lab):
    """Every frame sent is read, with its bytes, in order, and none is counted as dropped."""
    listener = lab.listen()
    lab.send(FRAME, 5000)
    reported = lab.stop(listener)
    assert (len(reported["frames"]), reported["received"], reported["dropped"], reported["damages"]) == (
        5000,
        [5000],
        0,
        [],
    )
    assert {tuple(row[1:]) for row in reported["frames"]} == {(0, 1, len(FRAME), len(FRAME), 0, 0, FRAME[:64].hex())}
    times = [row[0] for row in reported["frames"]]
    assert times == sorted(times)
    assert abs(times[0] / 1e9 - time.time()) < 60


def test_a_late_reader_loses_frames_and_counts_them(lab):
    """With a small ring and a slow reader, read plus dropped frames are the sent ones."""
    listener = lab.listen(ring_mib=1, block_kib=64, nap=0.02)
    lab.send(FRAME, 20000)
    reported = lab.stop(listener)
    assert reported["dropped"] > 0
    assert len(reported["frames"]) + reported["dropped"] == 20000


def test_a_silent_wire_gives_empty_batches_and_stops_at_once(lab):
    """Empty batches arrive during silence, and a signal ends the capture at once."""
    listener = lab.listen()
    time.sleep(0.5)
    reported = lab.stop(listener)
    assert reported["frames"] == []
    assert reported["empty"] >= 2
    assert reported["longest"] < 10


def test_what_is_in_the_ring_at_the_stop_is_still_given(lab):
    """Frames in a block that the kernel has not released yet are not lost."""
    listener = lab.listen()
    lab.send(FRAME, 7)
    assert len(lab.stop(listener)["frames"]) == 7


def test_tags_are_put_back(lab):
    """The kernel removes the outer VLAN tag from the frame; the row contains it. An inner tag stays in the frame."""
    single = tcp_frame("10.0.0.1", "10.0.0.2", vlan=42)
    double = single[:12] + b"\x88\xa8\x00\x07" + single[12:]
    listener = lab.listen()
    for frame in (single, double, FRAME):
        lab.send(frame)
    frames = lab.stop(listener)["frames"]
    assert [(vlan, known) for _, _, _, _, _, vlan, known, _ in frames] == [(42, 1), (7, 1), (0, 0)]
    assert frames[0][-1] == (single[:12] + single[16:]).hex()[:128]
    assert frames[1][-1] == single.hex()[:128]


def test_filters_run_in_the_kernel(lab):
    """Only matching frames arrive, also by a VLAN that the kernel removed from the frame; others are not counted as
    drops.
    """
    plain, tagged = lab.listen(bpf="tcp port 80"), lab.listen(bpf="vlan 42")
    for frame in (
        FRAME,
        tcp_frame("10.0.0.1", "10.0.0.2"),
        tcp_frame("10.0.0.1", "10.0.0.2", vlan=42),
        tcp_frame("10.0.0.1", "10.0.0.2", vlan=43),
    ):
        lab.send(frame, 3)
    reported = lab.stop(plain)
    assert Counter(row[5] for row in reported["frames"]) == {0: 3, 42: 3, 43: 3}
    assert (reported["received"], reported["dropped"]) == ([9], 0)
    assert [row[5] for row in lab.stop(tagged)["frames"]] == [42, 42, 42]


def test_frames_are_cut_at_the_snap_length(lab):
    """The row contains both lengths."""
    listener = lab.listen(snaplen=60)
    lab.send()
    assert [row[3:5] for row in lab.stop(listener)["frames"]] == [[60, len(FRAME)]]


@pytest.mark.parametrize(
    ("names", "options", "found"),
    [
        (
            ["vb"],
            {"bpf": "frobnicate"},
            "'frobnicate'",
        ),
        (
            ["vb"],
            {"user": "nobody-of-this-name"},
            "'nobody-of-this-name'",
        ),
        (["v b"], {}, "'v b'"),
        ([], {}, ": lo)"),
        (["lo", "lo"], {}, "lo, lo"),
    ],
)
def test_it_refuses_in_one_line(names, options, found):
    """The error is one line with the fault and advice."""
    command = [sys.executable, "-m", LISTENER, json.dumps([names, options, 0])]
    done = forked.run(command, first=namespaces.leave, capture_output=True, text=True)
    assert done.returncode == 1
    [(outcome, line)] = json.loads(done.stdout).items()
    assert (outcome, found in line) == ("refused", True)


def test_without_permission_it_reports_what_to_do(lab):
    """The error names the three ways to get the permission."""
    listener = lab.listen(before=("setpriv", "--bounding-set=-all", "--inh-caps=-all"), ready=False)
    refused = json.loads(listener.communicate(timeout=60)[0])["refused"]
    assert refused.startswith("vb: ")
    assert {"`setcap", "cap_net_raw+ep", "AmbientCapabilities=CAP_NET_RAW"} <= set(refused.split())


def test_one_capability_is_enough(lab):
    """With CAP_NET_RAW alone everything works, promiscuous mode included, and the capability is dropped afterwards."""
    listener = lab.listen(before=("setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all"))
    assert promiscuous(lab)
    lab.send(ethernet(b"not for us" * 10, 0x88B5, dst=0x02_00_00_00_00_99))
    reported = lab.stop(listener)
    assert len(reported["frames"]) == 1
    assert reported["capabilities"] == ["0" * 16] * 3 + ["0000000000002000", "0" * 16]


def promiscuity(lab: Lab, name: str = "vb") -> int:
    """The number of sockets that enabled promiscuous mode."""
    flags = subprocess.run(
        ["ip", "-n", lab.there, "-d", "-j", "link", "show", name], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(flags)[0]["promiscuity"]


def promiscuous(lab: Lab) -> bool:
    return promiscuity(lab) > 0


def received(lab: Lab, rings: int, name: str = "vb") -> None:
    """Wait until every ring captures on a new interface: it enables promiscuous mode last."""
    until(lambda: promiscuity(lab, name) >= rings)


def test_promiscuous_mode_is_requested_and_ends(lab):
    """Only if configured, and the interface is as before when the capture ends."""
    lab.stop(lab.listen())
    assert not promiscuous(lab)
    listener = lab.listen(promiscuous=False)
    assert not promiscuous(lab)
    lab.stop(listener)


def test_privileges_are_gone(lab):
    """Root becomes the user, and no capability set holds anything; the capture goes on."""
    listener = lab.listen(user="nobody")
    lab.send(FRAME, 10)
    reported = lab.stop(listener)
    assert len(reported["frames"]) == 10
    assert reported["uid"] != 0
    assert reported["capabilities"] == ["0" * 16] * 5
    assert reported["no_new"] == "1"


def test_root_without_a_user_keeps_nothing_either(lab):
    """Without a user to become, the capabilities are dropped regardless."""
    reported = lab.stop(lab.listen())
    assert (reported["uid"], reported["capabilities"]) == (0, ["0" * 16] * 5)


def test_threads_that_keep_their_privileges_are_reported():
    """The kernel stores capabilities per thread: a thread from before the capture keeps them, and that is reported."""
    program = "import threading; over = threading.Event(); threading.Thread(target=over.wait).start()\n"
    program += (
        "from sensor.capture.live import open_live; print(*open_live(['lo'], ring_mib=1, "
        "block_kib=64).damages); over.set()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True, env=ENVIRONMENT
    )
    assert done.stdout.startswith("privileges: 1 threads ")
    assert done.stdout.endswith(" OPENBLAS_NUM_THREADS=1\n")


@pytest.mark.parametrize("fanout", [1, 2])
def test_an_interface_deleted_and_made_again_is_received_again(lab, fanout):
    """It works without privileges, the counters of both interfaces are added, and the loss is reported."""
    listener = lab.listen(fanout=fanout)
    lab.send(FRAME, 100)
    time.sleep(0.1)
    run("ip", "-n", lab.there, "link", "del", "vb")
    time.sleep(0.4)
    lab.cable()
    received(lab, fanout)
    lab.send(FRAME, 50)
    reported = lab.stop(listener)
    assert (len(reported["frames"]), sum(reported["received"]), reported["dropped"], reported["returns"]) == (
        150,
        150,
        0,
        [1] * fanout,
    )
    assert [one.partition(": ")[0] for one in set(reported["damages"])] == ["vb"]


@pytest.mark.parametrize("fanout", [1, 2])
def test_an_interface_that_is_not_there_yet_is_waited_for(lab, fanout):
    """It is reported, and captured as soon as it appears."""
    listener = lab.listen("vb9", fanout=fanout)
    lab.cable("9")
    received(lab, fanout, "vb9")
    lab.send(FRAME, 20, "va9")
    reported = lab.stop(listener)
    assert (len(reported["frames"]), reported["returns"]) == (20, [0] * fanout)
    assert [one.partition(": ")[0] for one in set(reported["damages"])] == ["vb9"]


@pytest.mark.parametrize("fanout", [1, 2])
def test_a_link_that_goes_down_and_up_is_received_again(lab, fanout):
    """The capture waits: nothing is reported, and nothing is lost that was sent while it was up."""
    listener = lab.listen(fanout=fanout)
    lab.send(FRAME, 10)
    run("ip", "-n", lab.there, "link", "set", "vb", "down")
    time.sleep(0.4)
    run("ip", "-n", lab.there, "link", "set", "vb", "up")
    time.sleep(0.1)
    lab.send(FRAME, 10)
    reported = lab.stop(listener)
    assert (len(reported["frames"]), reported["dropped"], reported["damages"]) == (20, 0, [])


def test_several_interfaces_are_one_source_in_order(lab):
    """Rows contain the interface's index in the list, and batches are in order of their first frame."""
    lab.cable("2")
    listener = lab.listen("vb", "vb2")
    for _ in range(5):
        lab.send(FRAME, 100)
        lab.send(FRAME, 10, "va2")
        time.sleep(0.3)  # longer than a block stays open
    reported = lab.stop(listener)
    assert Counter(row[1] for row in reported["frames"]) == {0: 500, 1: 50}
    assert reported["received"] == [500, 50]
    runs = [
        row[1]
        for row, before in zip(reported["frames"], [[0, -1], *reported["frames"]], strict=False)
        if row[1] != before[1]
    ]
    assert runs == [0, 1] * 5


def test_fanout_shares_flows_between_rings(lab):
    """Several rings read every frame once, as one interface."""
    listener = lab.listen(fanout=3)
    for port in range(40):
        lab.send(udp_frame("10.0.0.1", "10.0.0.2", b"ask", sport=40000 + port))
    reported = lab.stop(listener)
    assert len(reported["frames"]) == 40
    assert sum(reported["received"]) == 40
    assert sum(count > 0 for count in reported["received"]) >= 2
    assert {row[1] for row in reported["frames"]} == {0}


def test_loopback_gives_every_frame_once(lab):
    """A packet socket sees frames leave and arrive there: only the arrival counts."""
    run("ip", "-n", lab.there, "link", "set", "lo", "up")
    listener = lab.listen("lo")
    program = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'hello', "
        "('127.0.0.1', 9)) for _ in range(5)]"
    )
    run("ip", "netns", "exec", lab.there, sys.executable, "-c", program)
    frames = [row for row in lab.stop(listener)["frames"] if bytes.fromhex(row[-1])[23] == 17]
    assert len(frames) == 5
    assert {row[2] for row in frames} == {1}


def test_libpcap_does_it_where_there_are_no_rings(lab):
    """The portable capture gives the same rows and filters, and stops as fast on a silent interface; VLAN tags stay in
    its frames.
    """
    tagged = tcp_frame("10.0.0.1", "10.0.0.2", vlan=42)
    listener = lab.listen(without_rings=True, bpf="udp or vlan 42")
    lab.send(FRAME, 300)
    lab.send(tagged)
    lab.send(tcp_frame("10.0.0.1", "10.0.0.2"))
    time.sleep(0.3)
    reported = lab.stop(listener)
    assert (len(reported["frames"]), reported["dropped"], reported["capabilities"]) == (301, 0, ["0" * 16] * 5)
    assert {tuple(row[1:]) for row in reported["frames"][:300]} == {
        (0, 1, len(FRAME), len(FRAME), 0, 0, FRAME[:64].hex())
    }
    assert reported["frames"][-1][1:] == [0, 1, len(tagged), len(tagged), 0, 0, tagged[:64].hex()]
    assert abs(reported["frames"][0][0] / 1e9 - time.time()) < 60


def test_libpcap_names_what_it_cannot_listen_to(lab):
    """A missing interface or an invalid filter is one line there, too."""
    for options, line in (({}, "vb7: cannot capture: "), ({"bpf": "frob"}, "filter 'frob' does not compile: ")):
        listener = lab.listen("vb" if options else "vb7", ready=False, without_rings=True, **options)
        assert json.loads(listener.communicate(timeout=60)[0])["refused"].startswith(line)


TUNNEL = """
import fcntl, os, struct, sys
descriptor = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(descriptor, 0x400454CA, struct.pack("16sH22x", b"tun0", 0x1001))
print("open", flush=True)
for line in sys.stdin:
    os.write(descriptor, bytes.fromhex(line))
    print("sent", flush=True)
"""


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="no tun device")
def test_tunnels_carry_bare_ip(lab):
    """A tun device has no link header: rows start at IP, with its link type, and filters are relative to it."""
    tunnel = lab.start(lab.there, "-c", TUNNEL)
    assert tunnel.stdout.readline() == "open\n"
    run("ip", "-n", lab.there, "link", "set", "tun0", "up")
    listener = lab.listen("tun0", bpf="udp port 53")
    for frame in (FRAME, tcp_frame("10.0.0.1", "10.0.0.2")):
        tunnel.stdin.write(frame[14:].hex() + "\n")
        tunnel.stdin.flush()
        assert tunnel.stdout.readline() == "sent\n"
    frames = lab.stop(listener)["frames"]
    assert [row[2:5] for row in frames] == [[12, len(FRAME) - 14, len(FRAME) - 14]]
    assert frames[0][-1] == FRAME[14:78].hex()
