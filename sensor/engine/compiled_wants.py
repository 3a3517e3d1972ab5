"""The wants of one event class compiled into one function: from an event to an integer with one bit per want that
holds.

Each field is read once. Wants on a single field that cost more than a comparison (patterns, functions) are answered by
value: few distinct values occur, and all such answers about a field are one integer, found by one look-up. The rest is
compiled into one Python expression each.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType
from typing import Any, get_args, get_origin

from sensor.core.domains import bits_under
from sensor.core.event import Event
from sensor.core.event_fields import PACKET, type_of
from sensor.core.want_nodes import AnyOf, Constant, Under, Versioned
from sensor.core.wants import Want

# Number of values of a field whose answers are cached, and length of the longest text that is cached.
REMEMBERED, LONGEST = 4096, 1024
# Number of compiled functions that are cached. A reload mostly changes constants, and compiling fragments the memory of
# a busy process.
CODES_LIMIT = 512

Choice = Callable[[Any], int]


class Answers(dict[Any, int]):
    """For each value of a field, the answers of the field's wants, as bits. Cached until there are too many, or until
    the data that they depend on is replaced. Classes whose fields have wants in common share them: a DNS response
    repeats the name of its query.
    """

    def __init__(self, size: int = REMEMBERED) -> None:
        super().__init__()
        self.size = size
        self.bits: dict[Want, int] = {}
        self.of: tuple[Versioned, ...] = ()
        self._versions: tuple[tuple[Versioned, int], ...] = ()
        self._evaluate: Choice | None = None

    def bit(self, want: Want) -> int:
        """The bit of a want."""
        if want not in self.bits:
            self.bits[want] = 1 << len(self.bits)
            self._evaluate = None
            self.of = tuple(frozenset(self.of) | want.versions)
            self._versions = tuple((one, one.version) for one in self.of)
            self.clear()
        return self.bits[want]

    def __missing__(self, value: Any) -> int:
        if self._evaluate is None:
            self._evaluate = _of_value(self.bits)
        bits = self._evaluate(value)
        if not isinstance(value, str | bytes) or len(value) <= LONGEST:
            if len(self) >= self.size:
                self.clear()
            self[value] = bits
        return bits

    def renewed(self) -> Answers:
        """The cache itself, emptied if the data was replaced."""
        for of, version in self._versions:
            if of.version != version:
                self._versions = tuple((one, one.version) for one in self.of)
                self.clear()
                break
        return self


# The answers by value of each want, for fields of one type.
Known = dict[tuple[Want, Any], Answers]


class Outs(dict[int, int]):
    """For the answers about a field, the bits of a function's result; ``by_bit``: those of each answer."""

    def __init__(self) -> None:
        super().__init__()
        self.by_bit: dict[int, int] = {}

    def __missing__(self, answers: int) -> int:
        if len(self) >= REMEMBERED:
            self.clear()
        outs = (out for bit, out in self.by_bit.items() if answers & bit)
        found = self[answers] = functools.reduce(operator.or_, outs, 0)
        return found


class _Names:
    """The constants of a function that is being written, by their names in it."""

    def __init__(self) -> None:
        self.space: dict[str, Any] = {}

    def kept(self, value: object) -> str:
        if isinstance(value, int | str | bytes):
            return repr(value)
        name = f"k{len(self.space)}"
        self.space[name] = value
        return name

    def function(self, name: str, parameter: str, lines: Iterable[str], of: str) -> Choice:
        """The function with these lines; ``of``: what it is about, in tracebacks."""
        text = f"def {name}({parameter}):\n" + "".join(f"    {line}\n" for line in lines)
        exec(_code(text, of), self.space)  # noqa: S102 - names and constants of wants, nothing else
        made: Choice = self.space.pop(name)  # breaks a reference cycle, which would outlive many reloads
        return made


class _ValueWriter(_Names):
    """Writes wants that read one field, as a function of its value."""

    def named(self, _field: str) -> str:
        return "value"

    def code(self, want: Want) -> str:
        return want.code(self)


def _of_value(bits: dict[Want, int]) -> Choice:
    """The function from a value to the bits of the wants that hold. Domains are looked up once for all wants."""
    write, domains = _ValueWriter(), dict[str, int]()
    lines = list[str]()
    for want, bit in bits.items():
        if isinstance(want, Under):
            domains |= {domain: domains.get(domain, 0) | bit for domain in want.domains}
        else:
            lines.append(f"if {write.code(want)}: mask |= {bit}")
    begin = f"{write.kept(bits_under)}(value.lower(), {write.kept(domains)})" if domains else "0"
    return write.function("bits", "value", [f"mask = {begin}", *lines, "return mask"], "a value")


class _Writer(_Names):
    """Writes the source of one function: its constants, the fields that it reads, and the wants that are answered by
    value (``known``: those of functions written before).
    """

    def __init__(self, kind: type[Event], known: Known) -> None:
        super().__init__()
        self.kind, self.known = kind, known
        self.fields: dict[str, str] = {}
        self.answers: dict[str, Answers] = {}
        self.outs: dict[str, Outs] = {}

    def named(self, field: str) -> str:
        return self.fields.setdefault(field, f"v{len(self.fields)}")

    def code(self, want: Want) -> str:
        if not self.answered(want):
            return want.code(self)
        field, bit = self.look_up(want)
        return f"{self.named(field).replace('v', 'm')} & {bit}"

    def look_up(self, want: Want) -> tuple[str, int]:
        """Answer a want by value: its field, and its bit among the answers of the field."""
        [field] = want.fields
        answers = self.answers.setdefault(field, Answers())
        self.known.setdefault((want, type_of(self.kind, field)), answers)
        return field, answers.bit(want)

    def share(self, want: Want) -> None:
        """Use the answers of another function that answers this want by value, or one of its parts."""
        if self.answered(want):
            [field] = want.fields
            shared = self.known.get((want, type_of(self.kind, field)))
            if shared is not None:
                self.answers.setdefault(field, shared)
        for part in want.parts:
            self.share(part)

    def out(self, want: Want, bit: int) -> None:
        """Set ``bit`` of the result if a want that is answered by value holds."""
        field, answer = self.look_up(want)
        self.named(field)
        outs = self.outs.setdefault(field, Outs())
        outs.by_bit[answer] = outs.by_bit.get(answer, 0) | bit

    def answered(self, want: Want) -> bool:
        """Whether a want can be answered by value: it reads one field, whose values are hashable, and no state."""
        return (
            len(want.fields) == 1
            and want.costly
            and not want.state
            and _can_be_key(type_of(self.kind, next(iter(want.fields))))
        )

    def lines(self, begin: int, tests: Sequence[tuple[str, int]]) -> Iterator[str]:
        """The function body. ``begin``: bits that are always set; ``tests``: expressions and the bits they set."""
        mask = [str(begin)]
        if any(field.startswith(PACKET) for field in self.fields):
            yield "packet = event.packet"
        for field, name in self.fields.items():
            yield f"{name} = {field if field.startswith(PACKET) else f'event.{field}'}"
            if field in self.answers:
                answers, mine = self.answers[field], name.replace("v", "m")
                self.space[f"a{mine}"] = answers
                yield f"{mine} = a{mine}{'.renewed()' if answers.of else ''}[{name}]"
                if field in self.outs:
                    self.space[f"o{mine}"] = self.outs[field]
                    mask.append(f"o{mine}[{mine}]")
        yield f"mask = {' | '.join(mask)}"
        for test, bit in tests:
            yield f"if {test}: mask |= {bit}"
        yield "return mask"


def compiled(kind: type[Event], wants: Sequence[Want], known: Known | None = None) -> Choice:
    """The compiled function: bit ``i`` of its result is set if ``wants[i]`` holds. ``known``: answers by value that it
    shares with other functions. Raises UnknownField if a want reads a field that the class does not have.
    """
    write, begin, tests = _Writer(kind, {} if known is None else known), 0, list[tuple[str, int]]()
    for want in wants:
        want.check(kind)
        write.share(want)
    for place, want in enumerate(wants):
        for part in want.parts if isinstance(want, AnyOf) else (want,):
            if isinstance(part, Constant):
                begin |= part.value << place
            elif write.answered(part):
                write.out(part, 1 << place)
            else:
                tests.append((write.code(part), 1 << place))
    return write.function(f"choose_{kind.__name__}", "event", write.lines(begin, tests), kind.__name__)


@functools.lru_cache(maxsize=CODES_LIMIT)
def _code(text: str, kind: str) -> CodeType:
    return compile(text, f"<wants of {kind}>", "exec")


def _can_be_key(held: Any) -> bool:
    """Whether values of a type are hashable: texts, numbers, tuples of them."""
    return held in _PLAIN or (
        get_origin(held) in (tuple, frozenset) and all(one is ... or _can_be_key(one) for one in get_args(held))
    )


_PLAIN = (str, int, float, bool, bytes)
