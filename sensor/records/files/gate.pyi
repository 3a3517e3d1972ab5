from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sensor.core.packet import Packets
from sensor.records.files.transfers import Transfers

class Gate:
    def __init__(self, flows: int, transfers: Transfers) -> None: ...
    def batch(self, packets: Packets) -> None: ...
    def ended(self, changes: npt.NDArray[np.void]) -> None: ...
