"""Remote execution over DCOM: a COM object of another host is used to run programs: a management console
(MMC20.Application), shell windows, an Office application.

Other classes are activated remotely by many programs; they are reported only where a method that runs something is
called by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.wants import Want, field, fields
from sensor.detectors.shared.calls import CallDetector, call_of
from sensor.dissectors.shared.rpc_events import RpcCall

ACTIVATIONS = ("ISystemActivator", "IActivation")
GET_NAMES, INVOKE = 5, 6
# Classes that execute programs for remote users; WMI and the task scheduler have separate detectors.
CLASSES = frozenset((
    "MMC20.Application", "ShellWindows", "ShellBrowserWindow", "Excel.Application", "Word.Application",
    "Outlook.Application", "PowerPoint.Application", "Visio.Application", "Access.Application",
    "InternetExplorer.Application", "htafile", "WScript.Shell", "Shell.Application", "OpenControlPanel",
))  # fmt: skip
METHODS = frozenset((
    "executeshellcommand", "shellexecute", "registerxll", "ddeinitiate", "executeexcel4macro", "createobject", "exec",
    "run", "activatemicrosoftapp", "navigate", "navigate2", "loadlibrary", "createprocess",
))  # fmt: skip


class DcomExecution(CallDetector):
    """Watches activations of classes, and calls of IDispatch by name."""

    title = "Remote execution over DCOM"
    severity = Severity.high
    techniques = ("T1021.003",)
    advice = (
        "These objects are hardly ever used over the network: review which processes mmc.exe, explorer.exe or Office "
        "started on the target at that time, isolate both hosts, and disable remote activation where it is not needed "
        "(dcomcnfg, RPC firewall rules)."
    )
    false_positives = (
        "Old business programs that control Office on a server; inventory and management programs that use DCOM."
    )
    watches = (RpcCall,)

    def wants(self) -> dict[type[Event], Want]:
        activates = field("interface").is_in(*ACTIVATIONS) & field("facts").has(*(("class", name) for name in CLASSES))
        return {
            RpcCall: activates | fields("interface", "number").is_in((("IDispatch", GET_NAMES), ("IDispatch", INVOKE)))
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall):
            return
        if event.interface in ACTIVATIONS:
            name = dict(event.facts).get("class", "")
            if name in CLASSES:
                why = (f"{event.interface} {event.call} requests the class {name}, which can run programs",)
                yield self.call_alert(event, f"activated {name} on", why, key=("class",), confidence=0.9)
        elif event.interface == "IDispatch" and event.number in (GET_NAMES, INVOKE):
            yield from self._dispatch(event)

    def _dispatch(self, event: RpcCall) -> Iterator[Alert]:
        """A method is looked up by name, or called."""
        named = [text for text in event.texts if text.lower() in METHODS]
        if event.number == GET_NAMES and not named:
            return
        action = f"called the method {named[0]!r} of a COM object on" if named else "called a method of a COM object on"
        yield self.call_alert(
            event,
            action,
            (call_of(event),),
            key=("call",),
            severity=Severity.high if named else Severity.medium,
            confidence=0.9 if named else 0.7,
        )
