"""The schema step for consoles: users, sessions and views that all consoles of a hub share, as the console of a sensor
has them in a file. They are in a separate schema, which database roles of readers cannot use.
"""

from __future__ import annotations

from typing import LiteralString

CONSOLE: LiteralString = """
CREATE SCHEMA IF NOT EXISTS console;
CREATE TABLE console.links (
    hash text PRIMARY KEY, name text NOT NULL, scope text NOT NULL, until double precision NOT NULL
);
CREATE TABLE console.sessions (
    hash text PRIMARY KEY, name text NOT NULL, scope text NOT NULL, csrf text NOT NULL,
    until double precision NOT NULL, seen double precision NOT NULL
);
CREATE TABLE console.tokens (
    id text PRIMARY KEY, hash text NOT NULL UNIQUE, name text NOT NULL, scope text NOT NULL,
    made double precision NOT NULL, until double precision NOT NULL, used double precision NOT NULL
);
CREATE TABLE console.users (
    name text PRIMARY KEY, role text NOT NULL, password text NOT NULL, made double precision NOT NULL,
    failed integer NOT NULL, until double precision NOT NULL, seen double precision NOT NULL
);
CREATE TABLE console.passkey_users ("user" text PRIMARY KEY, handle bytea NOT NULL);
CREATE TABLE console.passkeys (
    id text PRIMARY KEY, "user" text NOT NULL, party text NOT NULL, name text NOT NULL, key bytea NOT NULL,
    counter bigint NOT NULL, made double precision NOT NULL, seen double precision NOT NULL
);
CREATE TABLE console.views (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path text NOT NULL, name text NOT NULL,
    owner text NOT NULL, query text NOT NULL, made double precision NOT NULL, UNIQUE (path, name)
);
CREATE TABLE console.visits (
    name text NOT NULL, dataset text NOT NULL, seq bigint NOT NULL, seen double precision NOT NULL,
    seq_before bigint NOT NULL, seen_before double precision NOT NULL, PRIMARY KEY (name, dataset)
);
CREATE TABLE console.site_scopes (name text NOT NULL, site text NOT NULL, PRIMARY KEY (name, site));
CREATE FUNCTION console.forget_sites() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN -- another user of the same name begins without sites
    DELETE FROM console.site_scopes WHERE name = OLD.name;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_sites AFTER DELETE ON console.users FOR EACH ROW EXECUTE FUNCTION console.forget_sites();
CREATE TABLE console.audit (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entry text NOT NULL);
CREATE TABLE console.undo (
    name text PRIMARY KEY, who text NOT NULL, body text NOT NULL, until double precision NOT NULL
);
CREATE TABLE console.challenges (challenge bytea PRIMARY KEY, until bigint NOT NULL);
CREATE TABLE console.secrets (name text PRIMARY KEY, value bytea NOT NULL);
"""
