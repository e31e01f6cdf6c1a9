"""Files out of the layers of an image: each layer fetched whole by the engine, verified, and unpacked; it blocks.

What a layer holds follows from its digest, which follows from the pin. So the files that are found in it go into the
record in the place of the layer, with the digests that they have: held against those, the same layer gives them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from zooclient.errors import IntegrityError
from zooclient.planning import build_plan
from zooclient.records.classify import classify
from zooclient.records.model import FileEntry, Layer
from zooclient.records.paths import path_problems
from zooclient.records.receipt import Receipt

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import ModelRecord
    from zooclient.records.plan import Plan
    from zooclient.store.unpack import Contents


class Layers:
    """The layers of one record on their way.

    Args:
        wiring: The client's.
        record: The model.
        fetch: Brings files of the record into the store, each by its digest.
        cancel: The wish to stop.
    """

    def __init__(
        self,
        wiring: Wiring,
        record: ModelRecord,
        fetch: Callable[[list[FileEntry]], list[Receipt]],
        cancel: Cancel,
    ) -> None:
        self._store = wiring.store()
        self._place = wiring.place(record.ref.scheme)
        self._record = record
        self._fetch = fetch
        self._cancel = cancel
        self._receipts: dict[str, Receipt] = {}

    def opened(self, plan: Plan) -> Plan:
        """Returns the plan for the same wishes over what the layers of a plan turn out to hold.

        Raises:
            IntegrityError: A layer is not what the image says, or holds what no layer should.
            NotFound: Nothing in them is what was asked for.
            ZooError: As for a transfer, and for :func:`~zooclient.planning.build_plan`.
        """
        closed = [file for file in plan.files if file.unopened]
        if not closed:
            return plan
        self._bring([layer for file in closed if (layer := file.layer) is not None])
        record = self._record
        for file in closed:
            record = self._open(record, file)
        return build_plan(_with_names(record, self._record), plan.wishes, self._store.held)

    def take(self, files: Sequence[FileEntry]) -> list[Receipt]:
        """Brings files that are known to lie in layers.

        Raises:
            IntegrityError: They do not lie there, or are others than the record says.
            ZooError: As for a transfer.
        """
        wanted: dict[str, list[FileEntry]] = {}
        layers: dict[str, Layer] = {}
        for file in files:
            if file.layer is not None:
                layers[file.layer.digest] = file.layer
                wanted.setdefault(file.layer.digest, []).append(file)
        self._bring(list(layers.values()))
        return [receipt for digest, layer in layers.items() for receipt in self._taken(layer, wanted[digest])]

    def received(self, path: str) -> Receipt | None:
        """Returns how a file came that was unpacked when its layer was opened; None: it was not."""
        return self._receipts.get(path)

    def _bring(self, layers: list[Layer]) -> None:
        entries = {layer.digest: FileEntry.of_layer(layer) for layer in layers}
        missing = [entry for entry in entries.values() if self._store.adopt(entry, cancel=self._cancel) is None]
        self._store.check_space(sum(layer.size + (layer.unpacked_size or layer.size) for layer in layers))
        if missing:
            self._fetch(missing)

    def _open(self, record: ModelRecord, closed: FileEntry) -> ModelRecord:
        """Puts what a layer holds in its place; of a name that stood there from a layer below, this one counts."""
        layer = closed.layer
        if layer is None:
            return record

        def wanted(path: str) -> str | None:
            return path if path == layer.target or path.startswith(f"{layer.target}/") else None

        with self._store.unpack(layer, wanted=wanted, cancel=self._cancel) as contents:
            found = []
            for one in contents.files:
                role, format_ = classify(one.path)
                file = FileEntry(
                    path=one.path,
                    size=one.size,
                    digests={"sha256": one.sha256},
                    role=role,
                    format=format_,
                    layer=layer,
                )
                observed = self._store.deposit(file, one.place, owner=str(record.ref), cancel=self._cancel)
                self._receipts[file.path] = Receipt(path=file.path, observed=observed, sources={self._place: one.size})
                found.append(file)
        return _with(record, closed, found, contents)

    def _taken(self, layer: Layer, files: list[FileEntry]) -> list[Receipt]:
        """Brings the files of one layer; their names in it are those of the record, or below the layer's folder."""
        names = {file.path: file.path for file in files}
        inner = f"{layer.target}/"
        names |= {file.path.removeprefix(inner): file.path for file in files if layer.target}
        by_path = {file.path: file for file in files}
        receipts = []
        with self._store.unpack(layer, wanted=names.get, cancel=self._cancel) as contents:
            for one in contents.files:
                observed = self._store.deposit(
                    by_path.pop(one.path), one.place, owner=str(self._record.ref), cancel=self._cancel
                )
                receipts.append(Receipt(path=one.path, observed=observed, sources={self._place: one.size}))
        if by_path:
            raise IntegrityError(
                f"{min(by_path)!r} of {self._record.ref} does not lie in the layer sha256:{layer.digest} that it is "
                "said to lie in.",
                hint="The image contradicts itself.",
            )
        return receipts


def _with(record: ModelRecord, closed: FileEntry, found: list[FileEntry], contents: Contents) -> ModelRecord:
    """Puts the files of a layer in its place, which is above what stands before it, and below what stands after."""
    at = record.files.index(closed)
    names = {file.path for file in found}
    above = record.files[at + 1 :]
    hidden = {file.path for file in above if file.layer is not None and not file.unopened}
    files = (
        *(file for file in record.files[:at] if not _is_gone(file, names, contents.removed)),
        *(file for file in found if file.path not in hidden),
        *above,
    )
    problems = dict.fromkeys(record.problems)
    if contents.passed_over:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(contents.passed_over.items()))
        problems[f"In the layer {closed.path} were passed over, since no model needs them: {kinds}."] = None
    return evolve(record, files=files, problems=tuple(problems))


def _with_names(record: ModelRecord, closed: ModelRecord) -> ModelRecord:
    """Tells of names that some file system cannot hold, which nobody knew while the layers were closed."""
    known = set(path_problems(file.path for file in closed.files))
    kept = (problem for problem in record.problems if problem not in known)
    return evolve(record, problems=(*kept, *path_problems(file.path for file in record.files)))


def _is_gone(file: FileEntry, names: set[str], removed: tuple[str, ...]) -> bool:
    """Whether a file of a lower layer is replaced, or taken away, by a layer above it."""
    if file.layer is None or file.unopened:
        return False
    return file.path in names or any(
        file.path == away or file.path.startswith(away if away.endswith("/") else f"{away}/") for away in removed
    )
