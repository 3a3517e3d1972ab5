"""Traffic that the sensor could not see, from its health figures. Every list shows it."""

from __future__ import annotations

from sensor.core.reader import clean
from sensor.views.moments import Health

DAMAGES_SHOWN = 5

# Figure of a health summary → its meaning for the user.
LOSSES = {
    "dropped": "packets were dropped by the kernel or a queue",
    "malformed": "packets were malformed",
    "truncated": "packets were truncated",
    "one_way": "connections were captured in one direction only",
    "shed": "messages were not parsed under load",
    "flows_evicted": "flows were evicted from the full flow table",
}


def unseen(health: Health) -> list[str]:
    """Sentences, worst first; empty if no loss is known. If there are no figures, a sentence states that losses are
    unknown.
    """
    figures = health.summary
    if not figures:
        return ["Packet loss is unknown: the sensor has not reported statistics yet."]
    found = [
        f"{count:,} {what}"
        for name, what in LOSSES.items()
        if isinstance(count := figures.get(name), int) and count > 0
    ]
    damages = figures.get("damages")
    several = damages if isinstance(damages, list) else []
    found += [f"a capture is damaged: {clean(str(one))}" for one in several[:DAMAGES_SHOWN]]
    found += [f"{len(several) - DAMAGES_SHOWN:,} more damages"] if len(several) > DAMAGES_SHOWN else []
    return found + ([f"{health.unusable:,} lines of the event log are unusable"] if health.unusable else [])
