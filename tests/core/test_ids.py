"""Ids: stable, 70 bits, distinct at two sites, with ids of earlier versions as their prefix."""

from __future__ import annotations

import hashlib

from sensor.core.ids import ALPHABET, entity_id, matching, means, short_id, short_ids
from sensor.inventory.identity import device_id, is_local

MAC, LOCAL_MAC, ADDRESS = "mac:00:17:c8:1a:2b:3c", "mac:02:42:ac:11:00:02", "ip:10.0.0.5"


def test_an_id_has_seventy_bits() -> None:
    """Fourteen characters of Crockford's alphabet; a hundred thousand keys give as many ids, though some short forms
    collide.
    """
    names = {entity_id("alert", f"key {number}") for number in range(100_000)}
    assert len(names) == 100_000
    assert len(ALPHABET) == 32
    assert set(ALPHABET).isdisjoint("ilou")
    assert all(len(name) == len("alert-") + 14 and set(name.removeprefix("alert-")) <= set(ALPHABET) for name in names)
    shown = short_ids(names)
    assert len(set(shown.values())) == len(names)
    assert 0 < sum(name == short for name, short in shown.items()) < 100


def test_an_id_of_an_earlier_version_is_its_beginning() -> None:
    """The id of earlier versions: the last 30 bits of a digest of the key."""
    number = int.from_bytes(hashlib.blake2b(MAC.encode(), digest_size=4).digest(), "big")
    old = "dev-" + "".join(ALPHABET[number >> shift & 31] for shift in range(25, -1, -5))
    assert short_id(device_id(MAC)) == old
    assert short_id(old) == old
    assert means(old, device_id(MAC))
    assert means(device_id(MAC), old)


def test_sites_do_not_share_ids_of_what_is_local() -> None:
    """An address and a locally administered MAC may exist at both sites; a vendor-assigned MAC is one device."""
    assert [is_local(key) for key in (MAC, LOCAL_MAC, ADDRESS, "name:laptop")] == [False, True, True, True]
    for key in (ADDRESS, LOCAL_MAC):
        assert device_id(key, scope="berlin") != device_id(key, scope="paris")
    assert device_id(MAC, scope="berlin") == device_id(MAC, scope="paris")


def test_a_taken_id_is_not_given_twice() -> None:
    first = device_id(MAC)
    second = device_id(MAC, {first})
    assert len({first, second, device_id(MAC, {first, second})}) == 3


def test_a_beginning_names_what_it_is_the_beginning_of() -> None:
    """A prefix of four characters or more, of the same kind, matches; an exact id is never ambiguous."""
    names = ["dev-5k2m8q", "dev-5k2m8qaaaaaaaa", "dev-5k2m9q00000000"]
    assert matching("dev-5k2m8q", names) == ["dev-5k2m8q"]
    assert matching("dev-5k2m", names) == names
    assert matching("dev-5k2m9", names) == names[2:]
    assert matching("dev-5k2m8qbbbbbbbb", names) == names[:1]
    assert (
        matching("dev-5k2", names)
        == matching("alert-5k2m9", names)
        == matching("", names)
        == matching("5k2m", names)
        == []
    )
