"""States of ended flows against a slow reference, for every combination of what they depend on."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from sensor.core.flow import Reason
from sensor.core.ip_protocols import ICMP, ICMPV6, TCP, UDP
from sensor.records.block import CONNECTION, HEAD
from sensor.records.ended import STATES, heads, states
from sensor.records.traces import LETTERS

HISTORIES = ("", "S", "SF", "Sf", "SFf", "ShADadFf", "F", "DdR")
FLAGS = (0, 2, 16, 18, 2 | 64)


@pytest.fixture(scope="module")
def flows() -> npt.NDArray[np.void]:
    cases = list(
        itertools.product(
            (TCP, UDP, ICMP), FLAGS, (0, 1), (0, 1, 2), Reason, HISTORIES, ((0, 0), (1, 0), (0, 1), (3, 2))
        )
    )
    made = np.zeros(len(cases), CONNECTION)
    for flow, (proto, flags, answered, reset, reason, history, packets) in zip(made, cases, strict=True):
        flow["proto"], flow["first_flags"], flow["answered"], flow["reset_by"] = proto, flags, answered, reset
        flow["reason"], flow["client_packets"], flow["server_packets"] = reason, *packets
        flow["letters"] = int("0" + "".join(f"{LETTERS.index(one) + 1:x}" for one in history), 16)
    return made


def expected(flow: np.void) -> str:
    """Zeek's state, in the terms of its documentation of ``conn_state``."""
    codes = {int(flow["letters"]) >> shift & 15 for shift in range(0, 64, 4)} - {0}
    letters = {LETTERS[code - 1] for code in codes}
    opened, turned = int(flow["first_flags"]) & 18 == 2, int(flow["first_flags"]) & 18 == 18
    if flow["proto"] != TCP:
        return "S0" if not flow["server_packets"] else "SF" if flow["client_packets"] else "SHR"
    if turned:
        return "RSTRH" if flow["reset_by"] == 2 else "SHR" if not flow["answered"] else "OTH"
    if not opened:
        return "OTH"
    if not flow["answered"]:
        return {1: "RSTOS0", 2: "REJ"}.get(int(flow["reset_by"]), "SH" if "F" in letters else "S0")
    if flow["reason"] == Reason.FINISHED:
        return "SF"
    if flow["reset_by"]:
        return {1: "RSTO", 2: "RSTR"}[int(flow["reset_by"])]
    return {(True, False): "S2", (False, True): "S3"}.get(("F" in letters, "f" in letters), "S1")


def test_states(flows: npt.NDArray[np.void]) -> None:
    found = [STATES[place] for place in states(flows).tolist()]
    assert found == [expected(flow) for flow in flows]
    assert set(found) == set(STATES)


def test_ends_are_those_of_the_flow() -> None:
    """ICMP has its code, in the first flags, as the port of the server. Any slice of an array will do."""
    random = np.random.default_rng(2)
    flows = np.frombuffer(random.bytes(300 * CONNECTION.itemsize), CONNECTION).copy()
    flows["proto"] = random.choice([ICMP, ICMPV6, TCP, UDP], 300)
    names = {
        "flow": "flow", "ts": "first", "src_hi": "client_hi", "src_lo": "client_lo", "dst_hi": "server_hi",
        "dst_lo": "server_lo", "src_mac": "client_mac", "dst_mac": "server_mac", "sport": "client_port",
        "vlan": "vlan", "source": "source", "proto": "proto",
    }  # fmt: skip
    made = heads(flows[::3])
    assert made.dtype == HEAD
    for name, theirs in names.items():
        assert made[name].tolist() == flows[::3][theirs].tolist()
    icmp = np.isin(flows["proto"], (ICMP, ICMPV6))
    assert made["dport"].tolist() == np.where(icmp, flows["first_flags"], flows["server_port"])[::3].tolist()


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError):
        states(np.zeros(3, HEAD))
