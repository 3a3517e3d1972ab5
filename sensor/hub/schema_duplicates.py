"""The schema step for alerts that several sensors of a site raise about the same activity: one of their rows is listed
and counted.

``counted_as`` is the number of that row, 0 for itself; ``hub/duplicates.py`` writes it. A search finds an alert by the
words and parties of each of its rows.
"""

from __future__ import annotations

from typing import LiteralString

DUPLICATES: LiteralString = """
ALTER TABLE alerts ADD COLUMN counted_as bigint NOT NULL DEFAULT 0;
ALTER TABLE alert_words ADD COLUMN counted_as bigint;
CREATE INDEX alerts_counted_as ON alerts (counted_as) WHERE counted_as <> 0;
CREATE INDEX alert_words_listed ON alert_words (coalesce(counted_as, number));
CREATE OR REPLACE FUNCTION alert_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO alert_words (number, words, parties) VALUES (NEW.number, alert_text(NEW), NEW.parties);
    ELSIF (alert_text(NEW), NEW.parties, NEW.counted_as) <> (alert_text(OLD), OLD.parties, OLD.counted_as) THEN
        UPDATE alert_words SET words = alert_text(NEW), parties = NEW.parties, counted_as = nullif(NEW.counted_as, 0)
        WHERE number = NEW.number;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.site, NEW.state, NEW.severity, NEW.detector, NEW.verdict, NEW.assignee, NEW.counted_as = 0)
            = (OLD.site, OLD.state, OLD.severity, OLD.detector, OLD.verdict, OLD.assignee, OLD.counted_as = 0)
        THEN RETURN NULL;
        END IF;
        IF OLD.counted_as = 0 THEN
            INSERT INTO alert_counts
            VALUES (OLD.site, OLD.state, OLD.severity, OLD.detector, OLD.verdict, OLD.assignee, -1);
        END IF;
    END IF;
    IF NEW.counted_as = 0 THEN
        INSERT INTO alert_counts
        VALUES (NEW.site, NEW.state, NEW.severity, NEW.detector, NEW.verdict, NEW.assignee, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION alerts_removed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO alert_counts SELECT site, state, severity, detector, verdict, assignee, -count(*) FROM removed
    WHERE counted_as = 0 GROUP BY 1, 2, 3, 4, 5, 6;
    DELETE FROM alert_words w USING removed r WHERE w.number = r.number;
    RETURN NULL;
END $$;
"""
