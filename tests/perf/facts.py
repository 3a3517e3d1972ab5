"""The cost of a known observation in ns, printed. The Python of a state of the sensor runs this file with a capture; it
imports no other test.
"""

from __future__ import annotations

import sys
import time

from sensor.capture.files import open_captures
from sensor.config import load_config
from sensor.core.observation import Observation, Subject
from sensor.runtime.assembly import assemble

ROUNDS = 200_000


def main(path: str) -> None:
    """Replay the office, so that its devices are known, and repeat an observation of one of them."""
    pipeline = assemble(load_config(None), lambda _: None)
    source = open_captures([path])
    last = 0
    for batch in source.batches():
        last = int(batch.rows["ts"][-1])
        pipeline.process(batch)
        batch.release()
    source.close()
    inventory = pipeline.inventory
    device = next(one for one in inventory.devices() if one.macs and one.addresses)
    subject = Subject(next(iter(device.macs)), next(iter(device.addresses)))
    facts = [Observation(last + number, subject, "dhcp.hostname", "known-already") for number in range(ROUNDS)]
    inventory.observe(facts[0])
    began = time.process_time()
    for fact in facts:
        inventory.observe(fact)
    print(round((time.process_time() - began) / ROUNDS * 1e9))


main(sys.argv[1])
