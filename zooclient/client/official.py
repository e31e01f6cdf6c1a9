"""Bytes through a zoo's own client, into our ingest area and behind our door.

The way to storage that we do not speak (Xet), and the way on when a zoo changes its wire before we do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zooclient.records.receipt import Receipt

if TYPE_CHECKING:
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry
    from zooclient.records.plan import Plan
    from zooclient.transfer.reporter import Reporter


def fetch_officially(
    wiring: Wiring, plan: Plan, files: Sequence[FileEntry], reporter: Reporter, cancel: Cancel
) -> tuple[Receipt, ...]:
    """Lets the zoo's own client fetch each file; every one passes the store's door, where it is hashed.

    Raises:
        Unsupported: The zoo has no client of its own, or it is not installed.
        IntegrityError: What it brought is not what the zoo claims.
    """
    from zooclient.providers.registry import official_for

    record, store = plan.record, wiring.store()
    official = official_for(wiring.provider(record.ref.scheme), wiring.settings)
    reporter.planned(len(files), sum(file.size or 0 for file in files))
    receipts = []
    with tempfile.TemporaryDirectory(dir=store.scratch(), ignore_cleanup_errors=True) as folder:
        for file in files:
            cancel.check()
            reporter.started(file.path, file.size, 0)
            brought = official.fetch(record, file, into=Path(folder), cancel=cancel)
            observed = store.deposit(
                file, brought, owner=str(record.ref), allow_unverified=plan.wishes.allow_unverified, cancel=cancel
            )
            reporter.advanced(file.path, observed.size)
            reporter.finished(file.path)
            receipts.append(
                Receipt(
                    path=file.path,
                    observed=observed,
                    sources={f"{record.ref.scheme} (official)": observed.size},
                    claimed=bool(file.digests),
                )
            )
    return tuple(receipts)
