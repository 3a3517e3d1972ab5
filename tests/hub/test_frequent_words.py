"""Searches choose between two plans by how many rows match, also for words that PostgreSQL has no statistics of."""

from __future__ import annotations

import pytest

from sensor.hub.views import alerts, query
from sensor.hub.views.query import COUNTED, COUNTED_FREQUENT, Conditions, Reader
from tests.hub.hub_kit import HubServers

ROWS, FREQUENT = 4000, 5
# Words of each row: one in all rows, one in a fiftieth of them, one in this row alone.
_FILL = """
INSERT INTO alert_words SELECT i, 'common ' || CASE WHEN i %% 50 = 0 THEN 'some ' ELSE '' END || 'word' || i, '{}'
FROM generate_series(1, %s) i"""


def test_matches_are_counted_if_statistics_do_not_know_the_word(
    servers: HubServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few statistics, as of ten million rows, PostgreSQL expects twenty rows of a word that one row has."""
    monkeypatch.setattr(query, "FREQUENT", FREQUENT)
    servers.empty()
    with servers.base() as base, base.transaction(force_rollback=True):
        base.execute(_FILL, [ROWS])
        base.execute("SET LOCAL default_statistics_target = 1")
        base.execute("ANALYZE alert_words")
        found = {}
        for word in ("common", "some", "word77", "absent"):
            test = Conditions()
            test.add_words(Reader(base), "a", "alert_words", alerts._WORDS, words=word)
            found[word] = test.counted
            matches = query.sql.SQL("SELECT w.number FROM alert_words w WHERE {}").format(alerts._WORDS)
            expected = query._expected(base, matches, {"words": word})
            assert expected > FREQUENT, word
    assert found == {"common": COUNTED_FREQUENT, "some": COUNTED_FREQUENT, "word77": COUNTED, "absent": COUNTED}
