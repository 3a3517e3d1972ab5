"""What the sensor could not see, from its own figures: no list is complete without it."""

from __future__ import annotations

from sensor.views.moments import Health

# Figure of a summary → what it means for people.
LOSSES = {
    "dropped": "packets were dropped by the kernel or a queue",
    "malformed": "packets were malformed",
    "truncated": "packets were captured in part",
    "one_way": "connections were captured in one direction only",
    "shed": "messages were left unparsed under load",
    "flows_evicted": "flows were evicted from the full flow table",
}


def unseen(health: Health) -> list[str]:
    """Sentences, the worst first; empty where nothing is known to be missing. Without figures that is unknown, which is
    a sentence too.
    """
    figures = health.summary
    if not figures:
        return ["Packet loss is unknown: the sensor has not reported its figures yet."]
    found = [
        f"{count:,} {what}"
        for name, what in LOSSES.items()
        if isinstance(count := figures.get(name), int) and count > 0
    ]
    return found + ([f"{health.unusable:,} lines of the event log are unusable"] if health.unusable else [])
