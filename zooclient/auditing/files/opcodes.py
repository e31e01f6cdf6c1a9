"""A pickle read opcode by opcode, and never run: what it would import, and whether it would call anything.

The opcodes are those of protocols 0 to 5 (https://github.com/python/cpython/blob/main/Lib/pickletools.py). Of the stack
only strings, marks and imported things are followed. All else is one thing, ``_THINGS``, which stands for any number
of values: what would be taken from below it is not known, and an import of what is not known is a finding. So a pickle
can hide what it imports, but not that it hides it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NamedTuple

from attrs import define, field

from zooclient.auditing.files.source import Source

_CHUNK = 1 << 20
_FIRST = 65_536
_MARGIN = 1024
#: Entries of stack and memo at the most, imports that are listed, and bytes of a line.
_STACK = 65_536
_MEMO = 200_000
_IMPORTS = 256
_LINE = 65_536
#: Bytes of a string that may be the name of something.
_NAME = 200

_MARK = object()
_THINGS = object()
_GLOBAL = object()

#: Opcodes that push a value and nothing else, and after them those that take values off it and leave one.
_PUSHES = rb"[N\x88\x89)\]}\x8f\x97]|K.|M..|[J].{4}|G.{8}"
_PLAIN = re.compile(rb"(?:" + _PUSHES + rb")(?:" + _PUSHES + rb"|[\x85\x86\x87as])*+", re.DOTALL)
_PLAIN_OPS = frozenset(b"N\x88\x89)]}\x8f\x97KMJG")
#: Opcode → bytes of the length that follows it, and whether it is a string.
_COUNTED = {
    0x8D: (8, True), 0x55: (1, True), 0x54: (4, True),
    0x43: (1, False), 0x42: (4, False), 0x8E: (8, False), 0x96: (8, False), 0x8A: (1, False), 0x8B: (4, False),
}  # fmt: skip
_IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z0-9_.]{0,199}\Z")


class Import(NamedTuple):
    """Something that a pickle names. ``module`` is empty where it hides what."""

    module: str
    name: str


@define
class Reading:
    """What was read of one pickle.

    Attributes:
        imports: Each with the place at which it stands.
        calls: How often something that was imported, or that is not known, is called.
        ops: How many opcodes were understood, runs of numbers counted once.
        end: The place after the last of them.
        stopped: Whether it ended as a pickle ends.
        full: Whether more is imported than was listed.
    """

    imports: dict[Import, int] = field(factory=dict)
    calls: int = 0
    ops: int = 0
    end: int = 0
    stopped: bool = False
    full: bool = False


class _Broken(Exception):
    """Nothing would be read on from here."""


class _Machine:
    """The stack and the memo, as far as they are followed."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}
        self.memoized = 0
        self.mixed = False

    def push(self, value: object) -> None:
        stack = self.stack
        if value is _THINGS and stack and stack[-1] is _THINGS:
            return
        if len(stack) >= _STACK:
            stack[:] = [_THINGS]
        stack.append(value)

    def pop(self) -> object:
        stack = self.stack
        if not stack or stack[-1] is _MARK:
            raise _Broken
        return _THINGS if stack[-1] is _THINGS else stack.pop()

    def to_mark(self) -> list[object]:
        """Takes everything down to the mark, and the mark."""
        stack = self.stack
        for at in range(len(stack) - 1, -1, -1):
            if stack[at] is _MARK:
                taken = stack[at + 1 :]
                del stack[at:]
                return taken
        if stack and stack[0] is _THINGS:  # the mark was forgotten with what lay around it
            taken = stack[1:]
            del stack[1:]
            return [_THINGS, *taken]
        raise _Broken

    def drop(self) -> None:
        """Takes a value, or a mark. Below things of which the number is not known, all is forgotten."""
        if not self.stack:
            raise _Broken
        if self.stack[-1] is _THINGS:
            self.stack[:] = [_THINGS]
        else:
            self.stack.pop()

    def put(self, index: int) -> None:
        self.mixed = self.mixed or self.memoized > 0
        self.keep(index)

    def memoize(self) -> None:
        self.mixed = self.mixed or (self.memoized == 0 and bool(self.memo))
        self.keep(self.memoized)
        self.memoized += 1

    def keep(self, index: int) -> None:
        if not self.stack:
            raise _Broken
        top = self.stack[-1]
        if (isinstance(top, bytes) and (len(self.memo) < _MEMO or index in self.memo)) or (
            top is _GLOBAL and (len(self.memo) < _MEMO or index in self.memo)
        ):
            self.memo[index] = top
        else:
            self.memo.pop(index, None)

    def get(self, index: int) -> None:
        self.push(_THINGS if self.mixed else self.memo.get(index, _THINGS))

    def imported(self, module: object, name: object, at: int) -> None:
        found = Import("", "")
        if isinstance(module, bytes) and isinstance(name, bytes):
            if _IDENTIFIER.match(module) and _IDENTIFIER.match(name):
                found = Import(module.decode("ascii"), name.decode("ascii"))
            else:
                found = Import("", repr(module[:40] + b" " + name[:40])[2:-1])
        if len(self.reading.imports) < _IMPORTS:
            self.reading.imports.setdefault(found, at)
        elif found not in self.reading.imports:
            self.reading.full = True

    def called(self, function: object) -> None:
        if function is _GLOBAL or (function is _THINGS and self.reading.imports):
            self.reading.calls += 1


def read_pickle(source: Source, start: int = 0) -> Reading:
    """Reads one pickle as far as an unpickler would.

    Args:
        source: The bytes.
        start: Where it begins.
    """
    reading = Reading(end=start)
    with suppress(_Broken, IndexError, ValueError):
        _read(source, start, _Machine(reading))
    return reading


def _read(source: Source, start: int, machine: _Machine) -> None:  # one loop, for a call per opcode halves its pace
    reading = machine.reading
    base, buffer = start, source.read(start, _FIRST)
    at, size = 0, source.size
    push, pop, stack, memo = machine.push, machine.pop, machine.stack, machine.memo
    plain, counted = _PLAIN.match, _COUNTED
    while True:
        left = len(buffer) - at
        if left < _MARGIN and base + len(buffer) < size:
            base += at
            buffer, at = buffer[at:] + source.read(base + left, _CHUNK) if left > 0 else source.read(base, _CHUNK), 0
        reading.end = base + at
        op = buffer[at]
        if op in _PLAIN_OPS:
            run = plain(buffer, at)
            if run is None:
                raise _Broken
            at = run.end()
            push(_THINGS)
        elif op == 0x8C or op == 0x58:  # SHORT_BINUNICODE, BINUNICODE: the most frequent, so without a call
            if op == 0x8C:
                count = buffer[at + 1]
                at += 2
            else:
                count = int.from_bytes(buffer[at + 1 : at + 5], "little")
                at += 5
            if count > _NAME:
                buffer, base, at = _over(source, buffer, base, at, count)
                push(_THINGS)
            else:
                value = _exactly(buffer, at, count)
                at += count
                if len(stack) >= _STACK:
                    stack[:] = [_THINGS]
                stack.append(value)
                if buffer[at] == 0x94 and machine.memoized and not machine.mixed and len(memo) < _MEMO:
                    memo[machine.memoized] = value
                    machine.memoized += 1
                    at += 1
        elif op in counted:
            width, text = counted[op]
            count = int.from_bytes(buffer[at + 1 : at + 1 + width], "little")
            if op == 0x8B and count >= 1 << 31:
                raise _Broken
            at += 1 + width
            push(buffer[at : at + count] if text and count <= _NAME else _THINGS)
            buffer, base, at = _over(source, buffer, base, at, count)
        elif op == 0x94:
            machine.memoize()
            at += 1
        elif op == 0x71:  # BINPUT
            machine.put(buffer[at + 1])
            at += 2
        elif op == 0x68:  # BINGET
            machine.get(buffer[at + 1])
            at += 2
        elif op == 0x72:  # LONG_BINPUT
            index = int.from_bytes(_exactly(buffer, at + 1, 4), "little")
            if stack and type(stack[-1]) is bytes and not machine.memoized and len(memo) < _MEMO:
                memo[index] = stack[-1]
            else:
                machine.put(index)
            at += 5
        elif op == 0x6A:  # LONG_BINGET
            machine.get(int.from_bytes(_exactly(buffer, at + 1, 4), "little"))
            at += 5
        elif op == 0x28:  # MARK
            push(_MARK)
            at += 1
        elif op in b"\x85\x86\x87":  # TUPLE1, 2, 3
            for _ in range(op - 0x84):
                pop()
            push(_THINGS)
            at += 1
        elif op in b"tld\x91":  # TUPLE, LIST, DICT, FROZENSET
            machine.to_mark()
            push(_THINGS)
            at += 1
        elif op in b"eu\x90" or op == 0x31:  # APPENDS, SETITEMS, ADDITEMS
            machine.to_mark()
            at += 1
        elif op == 0x61:  # APPEND
            pop()
            at += 1
        elif op == 0x73:  # SETITEM
            pop()
            pop()
            at += 1
        elif op == 0x30:
            machine.drop()
            at += 1
        elif op == 0x32:  # DUP
            if not machine.stack or machine.stack[-1] is _MARK:
                raise _Broken
            push(machine.stack[-1])
            at += 1
        elif op == 0x63:  # GLOBAL
            buffer, at, module = _line(source, base, buffer, at + 1)
            buffer, at, name = _line(source, base, buffer, at)
            machine.imported(module, name, reading.end)
            push(_GLOBAL)
        elif op == 0x93:  # STACK_GLOBAL
            named, inside = pop(), pop()
            machine.imported(inside, named, reading.end)
            push(_GLOBAL)
            at += 1
        elif op in b"R\x81":  # REDUCE, NEWOBJ
            pop()
            machine.called(pop())
            push(_THINGS)
            at += 1
        elif op == 0x92:  # NEWOBJ_EX
            pop()
            pop()
            machine.called(pop())
            push(_THINGS)
            at += 1
        elif op == 0x62:  # BUILD
            pop()
            if not machine.stack:
                raise _Broken
            at += 1
        elif op == 0x69:  # INST
            buffer, at, module = _line(source, base, buffer, at + 1)
            buffer, at, name = _line(source, base, buffer, at)
            machine.to_mark()
            machine.imported(module, name, reading.end)
            machine.called(_GLOBAL)
            push(_THINGS)
        elif op == 0x6F:  # OBJ
            taken = machine.to_mark()
            if not taken:
                raise _Broken
            machine.called(taken[0])
            push(_THINGS)
            at += 1
        elif op in b"\x82\x83\x84":  # EXT1, 2, 4: names that a registry of the process gives
            machine.imported(_THINGS, _THINGS, reading.end)
            push(_GLOBAL)
            _exactly(buffer, at + 1, 1 << (op - 0x82))
            at += 1 + (1 << (op - 0x82))
        elif op in b"ILF":
            buffer, at, _ = _line(source, base, buffer, at + 1)
            push(_THINGS)
        elif op in b"SV":
            buffer, at, line = _line(source, base, buffer, at + 1)
            if op == 0x53:
                line = line.strip()
                if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
                    raise _Broken
                line = line[1:-1]
            push(line if len(line) <= _NAME and b"\\" not in line else _THINGS)
        elif op == 0x70:  # PUT
            buffer, at, line = _line(source, base, buffer, at + 1)
            machine.put(int(line))
        elif op == 0x67:  # GET
            buffer, at, line = _line(source, base, buffer, at + 1)
            machine.get(int(line))
        elif op == 0x50:  # PERSID
            buffer, at, _ = _line(source, base, buffer, at + 1)
            push(_THINGS)
        elif op == 0x51:  # BINPERSID
            pop()
            push(_THINGS)
            at += 1
        elif op == 0x98:  # READONLY_BUFFER
            at += 1
        elif op == 0x80:  # PROTO
            if buffer[at + 1] > 5:
                raise _Broken
            at += 2
        elif op == 0x95:  # FRAME: its length is not believed
            _exactly(buffer, at + 1, 8)
            at += 9
        elif op == 0x2E:  # STOP
            if not machine.stack or machine.stack[-1] is _MARK:
                raise _Broken
            reading.ops += 1
            reading.end = base + at + 1
            reading.stopped = True
            return
        else:
            raise _Broken
        reading.ops += 1


def _over(source: Source, buffer: bytes, base: int, at: int, count: int) -> tuple[bytes, int, int]:
    """Returns buffer, its place and the place in it behind so many bytes; where they are many they are not read."""
    if base + at + count > source.size:
        raise _Broken
    at += count
    return (buffer, base, at) if at < len(buffer) else (source.read(base + at, _CHUNK), base + at, 0)


def _exactly(buffer: bytes, at: int, count: int) -> bytes:
    if at + count > len(buffer):
        raise _Broken
    return buffer[at : at + count]


def _line(source: Source, base: int, buffer: bytes, at: int) -> tuple[bytes, int, bytes]:
    """Returns the buffer, grown where the line needs it, the place after the line, and the line."""
    end = buffer.find(b"\n", at)
    if end < 0:
        buffer += source.read(base + len(buffer), _LINE)
        end = buffer.find(b"\n", at)
        if end < 0:
            raise _Broken
    return buffer, end + 1, buffer[at:end]
