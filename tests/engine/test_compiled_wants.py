"""Compiled filters of subscriptions: equal to their nodes; the cache of values, and its invalidation."""

from __future__ import annotations

import itertools

from sensor.core.bounded import Bounded
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.want_nodes import NEVER
from sensor.core.wants import ALWAYS, Want, armed, event_reader, field, fields, held
from sensor.detectors.shared.exploits import attempted
from sensor.engine.compiled_wants import LONGEST, REMEMBERED, Known, compiled
from sensor.intel.signatures import load_signatures


class Parsed(Event):
    """The message that filters are compiled for."""

    status: int
    path: str
    names: tuple[str, ...] = ()
    rows: tuple[list[int], ...] = ()


class Knowledge:
    """Names that may be replaced."""

    def __init__(self) -> None:
        self.version, self.names, self.requested = 1, {"/a"}, 0

    def has(self, name: str) -> bool:
        self.requested += 1
        return name in self.names


def messages(status: int = 200, path: str = "/", names: tuple[str, ...] = (), sport: int = 80) -> Parsed:
    return Parsed(Packet(sport=sport, flow=status), status, path, names)


def test_compiled_wants_report_what_the_nodes_report() -> None:
    """Compiled and interpreted filters agree for all combinations of values, whatever part is cached by value."""
    table: Bounded[int, bool] = Bounded(4)
    table.put(404, True)
    path, listed = field("path").matches("^/a"), field("names").passes(lambda names: "x" in names)
    wants: list[Want] = [
        ALWAYS, NEVER, path, ~path, path | listed, path & listed,
        (field("status") == 200) & (path | field("path").matches("b$")),
        path | ((field("status") >= 400) & ~listed), held(table, "packet.flow"), armed(table) & path,
        fields("status", "path").is_in(((200, "/a"),)),
        field("packet.sport").is_in(80, 81) | path,
        ~(path & (field("status") < 300)) & (listed | field("names").filled()), path,
        field("rows").passes(lambda rows: not rows), fields("path", "names").passes(lambda path, names: path in names),
    ]  # fmt: skip
    choose = compiled(Parsed, wants)
    for values in itertools.product((200, 301, 404), ("/", "/a", "/ab", "b"), ((), ("x",), ("/a", "y")), (80, 443)):
        event = messages(*values)
        assert [bool(choose(event) >> place & 1) for place in range(len(wants))] == [
            want.holds(event_reader(event)) for want in wants
        ], values


def test_domains_of_all_wants_are_looked_up_together() -> None:
    """Each want has its own domains: a name is below those of one, of both or of none."""
    mail, both = field("path").under(["mail.example.com", "onion"]), field("path").under(["example.com"])
    choose = compiled(Parsed, [mail, both, ~mail])
    names = ("a.MAIL.example.com", "www.example.com", "x.onion", "example.org", "")
    assert [choose(messages(path=name)) for name in names] == [0b011, 0b110, 0b001, 0b100, 0b100]


def test_answers_are_remembered_until_knowledge_is_exchanged() -> None:
    """A value is evaluated once; another version is evaluated again."""
    known = Knowledge()
    choose = compiled(Parsed, [field("path").passes(known.has, known)])
    assert [choose(messages(path=path)) for path in ("/a", "/b", "/a", "/b")] == [1, 0, 1, 0]
    assert known.requested == 2
    known.names, known.version = {"/b"}, 2
    assert [choose(messages(path=path)) for path in ("/a", "/b", "/a", "/b")] == [0, 1, 0, 1]
    assert known.requested == 4


def test_a_want_of_several_members_is_evaluated_once() -> None:
    """Equal wants share their answer, also within others; so do those of all detectors of known exploits."""
    known, given = Knowledge(), load_signatures("exploits")
    want = field("path").passes(known.has)
    choose = compiled(Parsed, [want, want, want & (field("status") == 200)])
    assert (choose(messages(path="/a")), known.requested) == (0b111, 1)
    assert attempted(given) == attempted(given)


class Repeated(Event):
    """A message that repeats the path of another, and whose names are of another type."""

    path: str
    names: tuple[int, ...] = ()


def test_classes_share_the_answers_about_fields_of_one_type() -> None:
    """A value is evaluated once for both classes; a field of another type with the same name stays apart."""
    known, shared = Knowledge(), Known()
    path, named = field("path").passes(known.has), field("names").passes(len)
    texts, numbers = field("names").passes("".join), field("names").passes(sum)
    first = compiled(Parsed, [path, named, texts], shared)
    second = compiled(Repeated, [numbers, named, field("path").passes(str.isupper), path], shared)
    assert (first(messages(path="/a", names=("x",))), second(Repeated(Packet(), "/a", (1,)))) == (0b111, 0b1011)
    assert (first(messages(path="/a")), second(Repeated(Packet(), "/A"))) == (0b001, 0b0100)
    assert known.requested == 2


def test_what_is_remembered_is_bounded() -> None:
    """The cache is bounded for any number and length of values from a peer."""
    known = Knowledge()
    choose = compiled(Parsed, [field("path").passes(known.has)])
    answers = choose.__globals__["am0"]  # type: ignore[attr-defined]
    for number in range(3 * REMEMBERED):
        choose(messages(path=f"/{number}"))
    assert 0 < len(answers) <= REMEMBERED
    answers.clear()
    choose(messages(path="/" * (LONGEST + 1)))
    assert len(answers) == 0
