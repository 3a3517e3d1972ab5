"""Printer driver installation on a remote print spooler: PrintNightmare and similar run code as SYSTEM.

Printers are added from servers, and drivers by administrators of print servers; a driver from a share of a third host
is an attack.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, fields
from sensor.detectors.shared.calls import CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

INSTALLS = {
    ("spoolss", 9), ("spoolss", 89), ("IRemoteWinspool", 39), ("IRemoteWinspool", 62), ("IRemoteWinspool", 63),
}  # fmt: skip


class PrintSpooler(CallDetector):
    """Watches both print spooler interfaces."""

    title = "Printer driver installed remotely (PrintNightmare)"
    severity = Severity.medium
    techniques = ("T1068", "T1210")
    advice = (
        "Ask who manages printers from this host. If no one does, isolate both hosts, and check spool\\drivers and "
        "child processes of spoolsv.exe on the target. Install the updates, restrict driver installation to "
        "administrators, and stop the spooler where it is not needed."
    )
    false_positives = "Administrators of print servers: add their hosts to `managers`."
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        return {RpcCall: fields("interface", "number").is_in(INSTALLS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall) or (event.interface, event.number) not in INSTALLS:
            return
        shares = [text for text in event.texts if text.startswith("\\\\") and "\\" in text[2:].rstrip("\\")]
        why = [call_of(event)]
        if shares:
            why.append(f"the driver is loaded from the share {shares[0]!r}")
        yield self.call_alert(
            event,
            "installed a printer driver on",
            why,
            severity=Severity.high if shares else Severity.medium,
            confidence=0.9 if shares else 0.7,
        )
