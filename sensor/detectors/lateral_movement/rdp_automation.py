"""A program types into a remote desktop session: keys follow each other faster than a person types, the pointer hardly
moves, and the session ends within minutes. Tools that run a command over RDP (SharpRDP, NetExec) work like this.

The session is encrypted: only sizes and times of the messages are evaluated. Password managers type fast as well, but
their users move the pointer. Monitoring that opens the login screen types nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import Numbers
from sensor.dissectors.rdp_input import RdpInput

POINTER_MOST = 10


class Options(CallOptions):
    """When keys are typed by a program."""

    keys: int = Field(
        20, ge=10, le=500, description="threshold: consecutive key messages with less than 20 ms between two"
    )


class RdpAutomation(CallDetector):
    """Watches short remote desktop sessions at their end."""

    title = "Automated remote desktop session"
    severity = Severity.medium
    techniques = ("T1021.001", "T1059")
    advice = (
        "Find out which program opened the session on the source host, and which processes started on the target at "
        "that time (event 4688, the history of the Run dialog). If it was not planned, isolate both hosts."
    )
    false_positives = (
        "Automated tests of desktop programs, robotic process automation, a password manager that types the password "
        "in a session that is closed at once: add their hosts to `managers`."
    )
    decisive = {"keys": "keys"}
    Options = Options
    watches = (RdpInput,)

    def wants(self) -> dict[type[Event], Want]:
        return {RdpInput: ~(field("burst") < int(self.options.keys))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RdpInput) or event.burst < self.options.keys or event.pointer > POINTER_MOST:
            return
        why = (
            f"{event.burst} consecutive key messages with less than 20 ms between two (threshold {self.options.keys})",
            f"{event.keys} key messages and {event.pointer} of the pointer in a session of {event.seconds} s",
            "the content is encrypted: only sizes and times were evaluated",
        )
        numbers: Numbers = {
            "keys": event.burst, "threshold": self.options.keys, "pointer": event.pointer, "seconds": event.seconds,
        }  # fmt: skip
        yield self.call_alert(event, "typed by a program into a desktop of", why, numbers, confidence=0.65, app="rdp")
