"""A driver is installed on another machine's print spooler: how PrintNightmare and its like run their code as the system.

Printers are added from servers, and drivers by administrators of print servers; a driver that comes from a share of a third machine is an attack.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors._calls import CallDetector, quoted
from sensor.dissectors._rpc_events import RpcCall

INSTALLS = {
    ("spoolss", 9), ("spoolss", 89), ("IRemoteWinspool", 39), ("IRemoteWinspool", 62), ("IRemoteWinspool", 63),
}  # fmt: skip


class PrintSpooler(CallDetector):
    """Watches both interfaces of the print spooler."""

    title = "Printer driver installed on a remote machine"
    severity = Severity.medium
    techniques = ("T1068", "T1210")
    advice = (
        "Ask whether somebody manages printers from this machine. If not, isolate both: look at the target's folder spool\\drivers and at what spoolsv.exe "
        "started. Install the updates, allow drivers to administrators only, and stop the spooler where nothing prints."
    )
    false_positives = "Administrators of print servers: name their machines as managers."
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in(INSTALLS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or (event.interface, event.number) not in INSTALLS:
            return
        shares = [text for text in event.texts if text.startswith("\\\\") and "\\" in text[2:].rstrip("\\")]
        why = [f"{event.interface} {event.call}" + (f" with {quoted(event.texts)}" if event.texts else ", arguments not readable")]
        if shares:
            why.append(f"the driver comes from the share {shares[0]!r}")
        yield self.told(event, "installed a printer driver on", why, severity=Severity.high if shares else Severity.medium, confidence=0.9 if shares else 0.7)
