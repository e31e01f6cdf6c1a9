"""What clients write to ModelScope, as it is read: whatever comes is understood or refused, and nothing in between."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zooclient.serve import modelscope_orders as orders
from zooclient.serve.modelscope_orders import Blob, Malformed, TooMany
from zooclient.serve.modelscope_profile import Profile
from zooclient.serve.shelf import Terms

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _with(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that may have these members, each of any kind."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, _JSON))


_ACTION = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["create", "update", "delete", "move"]) | _JSON,
        "path": st.text(max_size=8) | _JSON,
        "type": st.sampled_from(["normal", "lfs"]) | _JSON,
        "encoding": st.sampled_from(["base64", ""]) | _JSON,
        "content": st.sampled_from(["eA==", "x", ""]) | _JSON,
        "size": st.integers(-1, 2) | _JSON,
        "sha256": st.sampled_from(["", "a" * 64, "A" * 64]) | _JSON,
    },
)
_PATHS = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5, unique=True)


@given(st.dictionaries(st.text(max_size=8), _JSON, max_size=3), st.lists(_ACTION | _JSON, max_size=4) | _JSON, _JSON)
def test_any_commit_is_read_or_refused(more: dict[str, Any], actions: Any, message: Any) -> None:
    """No body of a commit raises anything but a refusal, and one that is read sets or removes each path once."""
    try:
        order = orders.order({**more, "actions": actions, "commit_message": message})
    except Malformed:
        return
    assert isinstance(actions, list) and len(order.files) == len(actions) > 0
    assert "\n" not in order.title
    assert all(content is None or isinstance(content, bytes | Blob) for content in order.files.values())


@given(_PATHS, st.binary(max_size=64), st.sampled_from(["create", "update"]))
def test_the_files_of_a_commit_come_through(paths: list[str], content: bytes, verb: str) -> None:
    """What the official client writes of small files, large ones and removals is what is read."""
    digest = hashlib.sha256(content).hexdigest()
    text = base64.b64encode(content).decode()
    kinds = (
        ({"type": "normal", "size": len(content), "sha256": "", "content": text, "encoding": "base64"}, content),
        (
            {"type": "lfs", "size": len(content), "sha256": digest, "content": "", "encoding": ""},
            Blob(sha256=digest, size=len(content)),
        ),
        ({"action": "delete", "type": "normal", "size": 0, "sha256": "", "content": "", "encoding": ""}, None),
    )
    actions = [{"action": verb, "path": path, **kinds[number % 3][0]} for number, path in enumerate(paths)]
    order = orders.order({"commit_message": "One\nTwo", "actions": actions})
    assert order.title == "One"
    assert order.files == {path: kinds[number % 3][1] for number, path in enumerate(paths)}


@given(_with("operation", "objects") | st.fixed_dictionaries({"operation": st.just("upload"), "objects": _JSON}))
def test_any_batch_is_read_or_refused(asked: dict[str, Any]) -> None:
    """A batch is digests with sizes, or is refused."""
    try:
        wanted = orders.wanted(asked)
    except Malformed:
        return
    assert [(blob.sha256, blob.size) for blob in wanted] == [(one["oid"], one["size"]) for one in asked["objects"]]


@given(_with("Path", "Name", "Visibility", "License", "ChineseName", "Description", "ProtectedMode"))
def test_any_creation_is_read_or_refused(asked: dict[str, Any]) -> None:
    """A model is made with one of three visibilities, or its making is refused."""
    try:
        creation = orders.creation(asked)
    except Malformed:
        return
    assert creation.id == f"{asked['Path']}/{asked['Name']}" and creation.visibility in (1, 3, 5)


@given(st.sampled_from([1, 3, 5]), st.sampled_from([1, 2]), st.text(max_size=8))
def test_what_is_set_is_told(visibility: int, protected: int, title: str) -> None:
    """A visibility that was set is told again, a gate goes with private models alone, and the rest stays."""
    before = Terms(downloads=7, readers=frozenset({"me"}), profile=Profile(license="mit"))
    asked = {"Visibility": visibility, "ProtectedMode": protected, "ChineseName": title}
    terms = orders.changed(asked, before)
    assert orders.told(terms) == visibility
    assert bool(terms.gated) is (visibility == 1 and protected == 1)
    assert terms.profile == Profile(license="mit", title=title) and terms.downloads == 7
    assert orders.changed({}, terms) == terms


def test_too_many_actions_are_told_from_wrong_ones() -> None:
    """Two thousand actions are taken, one more is refused in the words that the client knows."""
    actions = [{"action": "delete", "path": f"{number}"} for number in range(2001)]
    assert len(orders.order({"commit_message": "", "actions": actions[:-1]}).files) == 2000
    with pytest.raises(TooMany, match="2001 > 2000; split the commit into smaller batches"):
        orders.order({"commit_message": "", "actions": actions})
