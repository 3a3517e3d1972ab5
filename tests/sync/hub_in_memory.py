"""A hub in memory for tests of the agent: signs with a real key, and can be made to send forged layers."""

from __future__ import annotations

from collections.abc import Mapping

from sensor.outputs.hub_protocol.messages import Offer, Report, Signed
from sensor.outputs.transport.nkeys import OPERATOR, USER, KeyPair
from sensor.sync.layers import File, Layer, Scope, files_of, sign


class MemoryHub:
    """``layers``: offered layers; ``reports``: reports of the sensor."""

    def __init__(self) -> None:
        self.pair, self.key = KeyPair.generate(OPERATOR), KeyPair.generate(USER).public
        self.operator = self.pair.public
        self.layers: dict[str, Signed] = {}
        self.stored: dict[str, bytes] = {}
        self.reports: list[Report] = []
        self._time = 1_000

    def publish(self, files: Mapping[str, str], scope: Scope = "fleet", target: str = "") -> None:
        self._time += 1
        content = {name: text.encode() for name, text in files.items()}
        listed = files_of(content)
        self.stored |= {file.sha256: content[file.name] for file in listed}
        self.layers[scope] = sign(Layer(scope, target, 1, self._time, listed), self.pair)

    def offer(self, report: Report) -> Offer:
        self.reports.append(report)
        return Offer([self.layers[scope] for scope in ("fleet", "site", "sensor") if scope in self.layers])

    def fetch(self, file: File) -> bytes:
        return self.stored[file.sha256]
