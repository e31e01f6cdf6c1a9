"""What an owner says of a model at ModelScope when it is made, beside its files."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Profile:
    """What ModelScope alone is told of a model.

    Attributes:
        license: Licence that holds as long as its card claims none; empty where none was named.
        title: Its Chinese name; empty where it has none.
        description: A sentence about it; empty where there is none.
    """

    license: str = ""
    title: str = ""
    description: str = ""
