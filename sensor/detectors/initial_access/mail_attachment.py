"""A program is attached to a mail: files that Windows executes, disk images that hide the origin of what they contain,
and names with two extensions.

Mail programs have refused such attachments for years, and people send archives or links instead. Mails with TLS are not
visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.alert import Alert, Severity
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.wants import Want, field
from sensor.detectors.shared.calls import CallDetector
from sensor.dissectors.smtp import SmtpAttachment

_PROGRAM = lazy_pattern(
    r"\.(?:exe|scr|pif|com|bat|cmd|cpl|msi|ps1|js|jse|vbs|vbe|wsf|wsh|hta|lnk|jar|xll|chm|iso|img|vhdx?)$",
    re.IGNORECASE,
)
_RARE = lazy_pattern(r"\.(?:docm|xlsm|pptm|dotm|xlam|one|ace|arj|lzh|uue|cab|r\d\d)$", re.IGNORECASE)
_DISGUISED = lazy_pattern(r"\.(?:pdf|docx?|xlsx?|jpe?g|png|txt|html?|csv)[ _.-]{0,40}\.\w{2,4}$", re.IGNORECASE)


class MailAttachment(CallDetector):
    """Watches the names of attachments."""

    title = "Executable mail attachment"
    severity = Severity.medium
    techniques = ("T1566.001", "T1204.002")
    advice = (
        "Quarantine the mail, and find all recipients of the same file. If the mail came from inside, look for the "
        "program that sent it. Refuse attachments that are programs at the mail server."
    )
    false_positives = "Mails between administrators or developers; appliances that mail their scripts."
    watches = (SmtpAttachment,)

    def wants(self) -> dict[type[Event], Want]:
        return {SmtpAttachment: field("name").passes(lambda name: _PROGRAM.search(name) or _RARE.search(name))}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SmtpAttachment):
            return
        program, disguised = _PROGRAM.search(event.name), _DISGUISED.search(event.name)
        if program or _RARE.search(event.name):
            severity = Severity.high if program and disguised else Severity.medium if program else Severity.low
            why = [f"attachment {event.name[-120:]!r}"]
            why.append("it is a program" if program else "documents with macros and rare archives often carry programs")
            if program and disguised:
                why.append("a second extension hides it")
            yield self.call_alert(
                event, "mailed a program to", why, key=(event.name,), severity=severity, confidence=0.7, app="smtp"
            )
