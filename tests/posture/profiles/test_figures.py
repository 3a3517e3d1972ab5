"""The cost of profiles of a large site: 10,000 devices (a thousand in short runs) with baselines of maximum size."""

from __future__ import annotations

import json
import time

from sensor.inventory.habits import NAMES_LIMIT
from sensor.posture.profiles.drift import drifts
from sensor.posture.profiles.installed import Installed
from sensor.posture.profiles.mud import MudFile
from sensor.posture.profiles.observed import observed
from sensor.posture.profiles.write import mud_file
from sensor.posture.site import Site
from tests import sampling
from tests.posture.profiles.observed_traffic import DNS, NOW, NVR, habits, node, site

DEVICES = sampling.count(10_000, 1_000)


def large() -> Site:
    """Cameras, each with a recorder, a DNS server and the maximum number of external names."""
    cameras = [
        node(f"dev-{n}", "camera", f"10.{n >> 14}.{n >> 7 & 127}.{n & 127}", "Axis", "P3245")
        for n in range(1, DEVICES + 1)
    ]
    names = [f"tcp/443 n{n}.cloud.example" for n in range(NAMES_LIMIT)]
    learned = {
        one.id: habits("camera", uses=("udp/53 dev-dns",), serves=("rtsp/554 dev-nvr",), reaches=names)
        for one in cameras
    }
    return site((*cameras, DNS, NVR), learned)


def test_a_profile_of_ten_thousand_devices_and_all_that_goes_beyond_it() -> None:
    """A profile of 300,000 baseline entries takes a few seconds, and so does checking all of them."""
    there = large()
    began = time.process_time()
    seen = observed(there, [one for one in there.nodes.values() if one.type == "camera"])
    assert seen is not None
    body = mud_file(seen, "camera", NOW)
    made = time.process_time()
    assert (len(seen.needs), seen.confidence.devices) == (NAMES_LIMIT + 2, DEVICES)
    profile = MudFile.model_validate(json.loads(json.dumps(body))).profile()
    loaded = time.process_time()
    assert list(drifts(there, [Installed("x", ("type", "camera"), profile)])) == []
    checked = time.process_time()
    print(f"made in {made - began:.1f} s, checked in {checked - loaded:.1f} s")
    assert made - began < 15
    assert checked - loaded < 15
