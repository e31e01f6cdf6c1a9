"""Rules on files as they are listed: formats by name, digests, and what the zoo's own scan said; pure.

What is in the files is another matter, see :mod:`zooclient.auditing.files`.
"""

from __future__ import annotations

from collections.abc import Iterator

from zooclient.auditing.card import listed
from zooclient.auditing.catalogue import RULES
from zooclient.auditing.subject import Subject
from zooclient.records.audit import Finding

#: Formats whose loader runs what a file says.
_PICKLES = frozenset({"pickle", "nemo"})


def findings(subject: Subject) -> Iterator[Finding]:
    """Yields what is to be said of a model's files by their listing."""
    record = subject.record
    weights = [entry for entry in record.files if entry.role == "weights"]
    pickles = tuple(entry.path for entry in weights if entry.format in _PICKLES)
    if pickles:
        other = tuple(format_ for format_ in record.formats if format_ not in _PICKLES)
        rule = RULES["pickle-beside" if other else "pickle-only"]
        beside = f" Beside them: {', '.join(other)}." if other else " There is no copy in safetensors."
        yield rule.found(pickles[0], f"Pickles by their names: {listed(pickles)}.{beside}")
    code = tuple(entry.path for entry in record.files if entry.role == "code" and entry.path.endswith(".py"))
    if "custom_code" in record.tags:
        files = f": {listed(code)}" if code else ""
        yield RULES["custom-code"].found("record", f"The zoo marks it as coming with code of its own{files}.")
    bare = tuple(entry.path for entry in weights if not entry.digests)
    if bare:
        yield RULES["digest-missing"].found(bare[0], f"No digest is stated of {listed(bare)}.")
    for entry in record.files:
        results = [name for name in ("pickleScanResult", "virusScanResult") if entry.extra.get(name) == "Danger"]
        if results:
            yield RULES["scan-danger"].found(entry.path, f"The zoo's scan says Danger ({', '.join(results)}).")
