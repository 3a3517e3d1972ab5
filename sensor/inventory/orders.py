"""Orders of the operator: merge two devices, split one, undo a merger. The rules of identity respect them from then
on.
"""

from __future__ import annotations

from sensor.core import addresses
from sensor.inventory import identity
from sensor.inventory.compact import Addresses
from sensor.inventory.corrections import Order, OrderResult
from sensor.inventory.endpoints import Endpoints
from sensor.inventory.facts import facts_of
from sensor.inventory.record import Record, without
from sensor.inventory.state import DeviceState, record_of


def carry_out(endpoints: Endpoints, order: Order) -> OrderResult:
    """Execute an order; the result is whether it succeeded."""
    record = endpoints.table.by_key(order.key)
    if record is None:
        return OrderResult(order, f"the device {order.key} is no longer known")
    fault = _ACTIONS[order.action](endpoints, record, order)
    if not fault:
        endpoints.table.forget_endpoints()
        endpoints.table.mark(record, record.last)
    return OrderResult(order, fault)


def _merge(endpoints: Endpoints, keep: Record, order: Order) -> str:
    lose = endpoints.table.by_key(order.other)
    if lose is None or lose is keep:
        return f"the device {order.other} is no longer known"
    endpoints.keep_apart(order.key, order.other, apart=False)
    endpoints.merge(keep, lose, order.reason)
    return ""


def _split(endpoints: Endpoints, record: Record, order: Order) -> str:
    """Make the MAC or the address a separate device; facts move with the address they came from."""
    kind, _, text = order.other.partition(":")
    if kind == "mac":
        return _split_mac(endpoints, record, addresses.parse_mac(text), order)
    address = addresses.parse(text)
    if address not in record.addresses or (not record.macs and len(record.addresses) == 1):
        return f"{text} is not an address of it, or its only address"
    table, ts = endpoints.table, record.last
    table.release(record, address, ts)
    host = table.create(ts, order.other, 0, record.vlan)
    table.lease(host, address, ts, claimed=False)
    for fact in [
        fact for fact in record.facts.values() if fact.address == address and not identity.trait_of(fact.kind).bound
    ]:
        record.forget(fact)
        host.learn(fact, endpoints.limits)
    _parted(endpoints, record, host, order)
    return ""


def _split_mac(endpoints: Endpoints, record: Record, mac: int, order: Order) -> str:
    if mac not in record.macs or len(record.macs) == 1:
        return f"{addresses.mac_text(mac)} is not a MAC of it, or the only one it has"
    if record.key == order.other:
        return f"the device is identified by {addresses.mac_text(mac)}: split its other MACs instead"
    record.macs = without(record.macs, mac)
    _parted(endpoints, record, endpoints.table.create(record.last, order.other, mac, record.vlan), order)
    return ""


def _parted(endpoints: Endpoints, record: Record, other: Record, order: Order) -> None:
    endpoints.keep_apart(record.key, other.key)
    endpoints.table.enter(other, record.last)
    record.stale = True
    record.news += (("split", order.reason),)


def _undo(endpoints: Endpoints, record: Record, order: Order) -> str:
    """Restore both devices as before the merger; data learned since stays with the one that continued."""
    if order.before is None:
        return "their earlier state is no longer known"
    kept, lost = order.before
    table, ts = endpoints.table, record.last
    record.macs = tuple(mac for mac in record.macs if mac in kept.macs or mac not in lost.macs)
    held = [
        address
        for address in (int(text, 16) for text in lost.addresses if text not in kept.addresses)
        if address in record.addresses
    ]
    for address in held:
        table.release(record, address, ts)
    ours = {(fact.kind, fact.value) for fact in facts_of(kept.facts)}
    theirs = [(fact.kind, fact.value) for fact in facts_of(lost.facts)]
    for fact in [record.facts[key] for key in theirs if key in record.facts and key not in ours]:
        record.forget(fact)
    again = _restored(lost, held)
    for mac in again.macs:
        table.by_mac.pop(mac, None)
    if not table.restore(again, lost.id):
        return "the maximum number of devices is reached"
    if table.journal is not None:
        for address in held:
            table.journal.moved(ts, again, address, held=True)
    endpoints.keep_apart(record.key, again.key)
    table.mark(again, ts)
    record.stale = True
    record.news += (("split", order.reason),)
    return ""


def _restored(lost: DeviceState, held: list[int]) -> Record:
    """The device that was merged away, with the addresses that are still available; its changes are reported again."""
    again = record_of(lost)
    again.reported, again.news = None, ()
    again.addresses = Addresses((address, last) for address, last in again.addresses.items() if address in held)
    return again


_ACTIONS = {"merge": _merge, "split": _split, "undo": _undo}
