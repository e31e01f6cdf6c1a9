"""What is said of pickles: of those that lie at the beginning of a source, and of those behind them."""

from __future__ import annotations

import re

from zooclient.auditing.files.allowed import DANGEROUS, is_allowed, is_dangerous
from zooclient.auditing.files.kinds import names_it
from zooclient.auditing.files.looking import Looking
from zooclient.auditing.files.opcodes import Import, Reading, read_pickle
from zooclient.auditing.files.source import Source

#: Pickles one after another.
_STACKED = 1_000
_CHUNK = 1 << 20
_OVERLAP = 1_024
_WRITTEN = re.compile(
    rb"[ci]([A-Za-z_][\w.]{0,99})\n([A-Za-z_][\w.]{0,99})\n"
    rb"|(?:\x8c.|X.\x00\x00\x00|U.|V)([A-Za-z_][\w.]{0,99})(?:\n|\x94|q.|r....)?"
    rb"(?:\x8c.|X.\x00\x00\x00|U.|V)([A-Za-z_][\w.]{0,99})(?:\n|\x94|q.|r....)?\x93",
    re.DOTALL,
)


def look_for_pickles(looking: Looking, where: str, source: Source, *, start: int = 0, sure: bool = False) -> bool:
    """Notes what the pickles of a source would do; returns whether it is one.

    Args:
        looking: The scan.
        where: Name of the source.
        source: The bytes.
        start: Where the first would begin.
        sure: Whether it is known that a pickle is there, as behind the header of a numpy array of objects.
    """
    at, found, wrapped = start, False, False
    reading = Reading()
    for _ in range(_STACKED):
        first = source.read(at, 2)
        if not first:
            break
        reading = read_pickle(source, at)
        if not (_is_one(reading, first, source.size) or (sure and at == start)):
            if found:
                reading.stopped = True  # what follows the last pickle is none
            break
        _tell(looking, where, reading)
        wrapped = wrapped or any(one.module == "joblib.numpy_pickle" for one in reading.imports)
        found = True
        if not reading.stopped:
            break
        at = reading.end
    else:
        looking.add("scan-incomplete", where, f"More than {_STACKED} pickles stand one after another.")
    if not found:
        return False
    if not names_it("pickle", where):
        looking.add("file-disguised", where, "It is a pickle, which its name does not say.")
    looking.add("pickle", where, "It is a pickle.")
    if not reading.stopped or wrapped:
        _sweep(looking, where, source, reading.end)
        if not wrapped:
            looking.add("pickle-broken", where, f"It breaks off at byte {reading.end}.")
    return True


def _is_one(reading: Reading, first: bytes, size: int) -> bool:
    if first[:1] == b"\x80" and first[1] <= 5 if len(first) > 1 else False:
        return reading.ops >= 2
    if any(one.module.partition(".")[0] in DANGEROUS or _is_bad(one) for one in reading.imports):
        return True
    importing = any(one.module or not one.name for one in reading.imports)  # what no module is called is text
    if reading.calls and importing:
        return True
    return reading.stopped and reading.ops >= 2 and (importing or (reading.end == size and not reading.imports))


def _is_bad(one: Import) -> bool:
    return bool(one.module) and not is_allowed(*one) and is_dangerous(*one) and "__" not in one.name


def _tell(looking: Looking, where: str, reading: Reading) -> None:
    for one, at in reading.imports.items():
        _judge(looking, f"{where}:{at}", one)
    if reading.full:
        looking.add("pickle-global", where, "It names more things than are listed.")


def _judge(looking: Looking, where: str, one: Import) -> None:
    if not one.module:
        looking.add("pickle-hidden-global", where, f"What it imports is not to be read: {one.name or 'computed'}.")
    elif not is_allowed(*one):
        rule = "pickle-dangerous" if is_dangerous(*one) else "pickle-global"
        looking.add(rule, where, f"It names {one.module}.{one.name}.")


def _sweep(looking: Looking, where: str, source: Source, at: int) -> None:
    """Looks in what cannot be read for names that run things, as they would stand in a pickle."""
    kept = b""
    while piece := source.read(at, _CHUNK):
        window = kept + piece
        for match in _WRITTEN.finditer(window):
            module, name = (match[1] or match[3]).decode(), (match[2] or match[4]).decode()
            if is_dangerous(module, name) and not is_allowed(module, name):
                _judge(looking, f"{where}:{at - len(kept) + match.start()}", Import(module, name))
        at += len(piece)
        kept = window[-_OVERLAP:]
