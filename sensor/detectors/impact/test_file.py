"""The EICAR antivirus test file is transferred: harmless, and a sign of a detection test."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.eicar import EicarFile
from sensor.dissectors.http import HttpResponse
from sensor.dissectors.shared.smb_events import SmbCreate

NAME = lazy_pattern(r"(?:^|[/\\])eicar(?:_?com(?:2)?|-standard[\w-]*)?\.(?:com|txt|zip)(?:\.txt)?$", re.IGNORECASE)


class TestFile(CallDetector):
    """Watches for the test string, and for its usual file names in HTTP and SMB."""

    __test__ = False

    title = "EICAR antivirus test file"
    severity = Severity.medium
    techniques = ("T1204",)
    advice = (
        "Find out who runs the test. If no test is planned, find out why the host downloaded the file, and "
        "whether its antivirus reported it."
    )
    false_positives = "Tests of antivirus products and gateways: the purpose of this file."
    watches = (EicarFile, HttpResponse, SmbCreate)

    def wants(self) -> dict[type[Event], Want]:
        fetched = (field("status") == 200) & field("path").passes(lambda path: NAME.search(path.partition("?")[0]))
        return {HttpResponse: fetched, SmbCreate: field("writes").filled() & field("name").matches(NAME)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, EicarFile):
            why = ("the content is the EICAR antivirus test file",)
            yield self.call_alert(
                event, "sent the antivirus test file to", why, key=("bytes",), confidence=0.97, app="tcp"
            )
        elif isinstance(event, HttpResponse):
            if event.status == 200 and event.path and NAME.search(event.path.partition("?")[0]):
                why = (f"{event.path[:160]!r} was requested, and the status was 200",)
                yield self.call_alert(
                    event,
                    "downloaded the antivirus test file from",
                    why,
                    key=("name",),
                    confidence=0.8,
                    app="http",
                    answer=True,
                )
        elif isinstance(event, SmbCreate) and event.writes and NAME.search(event.name):
            yield self.call_alert(
                event,
                "wrote the antivirus test file to",
                (f"it wrote {event.name!r} in {event.share}",),
                key=("name",),
                confidence=0.8,
            )
