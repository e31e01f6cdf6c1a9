"""Files that lie in something else at their zoo, from mirrors, which hold each as a file of its own; it blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zooclient.errors import AccessError, IntegrityError, NetworkError, NotFound
from zooclient.records.receipt import Receipt
from zooclient.transfer.item import Item

if TYPE_CHECKING:
    from zooclient.client.mirrorshelf import Shelf
    from zooclient.client.wiring import Wiring
    from zooclient.net.cancel import Cancel
    from zooclient.records.model import FileEntry, ModelRecord
    from zooclient.transfer.reporter import Reporter


def from_mirrors(
    wiring: Wiring, record: ModelRecord, files: Sequence[FileEntry], shelf: Shelf, reporter: Reporter, cancel: Cancel
) -> tuple[list[Receipt], list[FileEntry]]:
    """Takes files from the mirrors that are served.

    Args:
        wiring: The client's.
        record: The model.
        files: What is wanted.
        shelf: What the mirrors hold.
        reporter: Who is told.
        cancel: The wish to stop.

    Returns:
        What came, and what did not.

    Raises:
        ZooError: A file did not come, and nobody but the mirrors is to be asked.
        StoreError: The store cannot be written.
    """
    owner, store = str(record.ref), wiring.store()
    items = [Item(file=file, owner=owner, sources=found) for file in files if (found := shelf.sources(file))]
    engine = wiring.engine(record.ref.scheme)
    try:
        receipts = list(engine.transfer(items, store.sink(), reporter=reporter, cancel=cancel)) if items else []
    except (NetworkError, AccessError, NotFound, IntegrityError):
        if shelf.policy == "only":
            raise
        arrived = ((item.file.path, store.adopt(item.file, cancel=cancel)) for item in items)
        receipts = [Receipt(path=path, observed=observed) for path, observed in arrived if observed is not None]
    finally:
        engine.close()
    here = {receipt.path for receipt in receipts}
    return receipts, [file for file in files if file.path not in here]
