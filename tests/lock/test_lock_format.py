"""The text of a lock: the same for the same models, read strictly, and telling when it was touched."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from zooclient.errors import ConfigError, IntegrityError, ZooError
from zooclient.lock.format import VERSION, Lock, LockedFile, LockedModel, dumps, loads
from zooclient.records.digest import content_digest
from zooclient.records.paths import safe_path
from zooclient.records.ref import Ref
from zooclient.records.wishes import Wishes

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
NOW = datetime(2026, 1, 31, 12, 0, 1, 500000, tzinfo=UTC)


def is_safe(path: str) -> bool:
    try:
        return safe_path(path) == path
    except IntegrityError:
        return False


TEXT = st.text(max_size=12).filter(lambda text: text.encode("utf-8", "replace").decode() == text)
PATHS = st.text("aé\"'#= -_/.𝄞", min_size=1, max_size=12).filter(is_safe)
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))


@st.composite
def models(draw: st.DrawFn, name: str) -> LockedModel:
    files = tuple(
        LockedFile(path=path, size=draw(st.integers(0, 1 << 50)), sha256=f"{draw(st.integers(0, 9)):064x}", key=key)
        for path, key in sorted(
            draw(st.dictionaries(PATHS, st.none() | TEXT, max_size=4)).items(), key=lambda pair: pair[0].encode()
        )
    )
    return LockedModel(
        name=name,
        requested=Ref.parse("hf:org/name@main"),
        ref=Ref.parse(f"hf:org/name@{COMMIT}"),
        wishes=Wishes(
            files=draw(st.none() | st.lists(TEXT, max_size=2).map(tuple)),
            exclude=draw(st.lists(TEXT, max_size=2).map(tuple)),
            weights=draw(st.sampled_from(("auto", "all", "gguf:Q4_K_M"))),
            allow_unverified=draw(st.booleans()),
        ),
        origin=draw(st.none() | TEXT),
        stable_id=draw(st.none() | TEXT),
        owner=draw(st.none() | TEXT),
        created_at=draw(TIMES),
        updated_at=draw(TIMES),
        license=draw(st.none() | TEXT),
        base_models=draw(st.lists(TEXT, max_size=2).map(tuple)),
        sources=draw(st.lists(TEXT, max_size=2).map(tuple)),
        files=files,
        keys={file.path: file.key for file in files if file.key is not None},
        content_digest=content_digest((file.sha256, file.size, file.path) for file in files),
        weights_digest=draw(st.none() | st.just("sha256:" + "0" * 64)),
    )


LOCKS = st.lists(TEXT, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*(models(name) for name in sorted(names))).map(lambda found: Lock(models=found))
)


def a_lock() -> Lock:
    file = LockedFile(path="model.safetensors", size=3, sha256="a" * 64)
    return Lock(
        models=(
            LockedModel(
                name="embedder",
                requested=Ref.parse("hf:org/name@main"),
                ref=Ref.parse(f"hf:org/name@{COMMIT}"),
                created_at=NOW,
                files=(file,),
                content_digest=content_digest([(file.sha256, file.size, file.path)]),
            ),
        )
    )


@given(LOCKS)
def test_a_lock_is_read_as_it_was_written(lock: Lock) -> None:
    """Whatever a lock holds comes back, also when an editor or git made its line ends those of Windows."""
    text = dumps(lock)
    assert loads(text) == lock
    assert loads(text.replace("\n", "\r\n")) == lock
    assert dumps(loads(text)) == text


def test_the_text_does_not_depend_on_the_order_in_which_models_came() -> None:
    """The same models make the same text."""
    one = a_lock().models[0]
    two = evolve(one, name="another")
    assert dumps(Lock(models=(one, two))) == dumps(Lock(models=(two, one)))


def test_what_it_looks_like() -> None:
    """The format is fixed: who reads a diff finds one line a file, and the lines of the content digest."""
    assert dumps(a_lock()) == (
        "# Written by `zooclient lock`; `zooclient lock --check` holds it to the project file.\n"
        "version = 1\n"
        "\n"
        "[[model]]\n"
        'name = "embedder"\n'
        'requested = "hf:org/name@main"\n'
        f'ref = "hf:org/name@{COMMIT}"\n'
        "created-at = 2026-01-31T12:00:01.500000Z\n"
        'access = "open"\n'
        'weights = "auto"\n'
        'content-digest = "sha256:46e3b186d302d73c54d4b6de284f6a14800e9c546097bda859923cf8a6d0bae4"\n'
        'files = """\n'
        f"{'a' * 64}  3  model.safetensors\n"
        '"""\n'
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version = 1", f"version = {VERSION + 1}", "Bring zooclient up to date"),
        ("version = 1", "version = true", "which version"),
        ("version = 1\n", "", "which version"),
        ('name = "embedder"', '<<<<<<< ours\nname = "embedder"', "merge conflict"),
        ('access = "open"', ">>>>>>> theirs", "merge conflict"),
        ('"""\n', "", "not whole"),
        ('name = "embedder"', "name = 3", "no name"),
        ('ref = "hf', 'ref = "h f', "cannot be read"),
        ("  3  model", "  03  model", "cannot be read"),
        ("created-at = 2026-01-31T12:00:01.500000Z", "created-at = 2026-01-31T12:00:01", "without zone"),
        ('access = "open"', 'access = "open"\nonly = [1]', "other things than texts"),
    ],
)
def test_a_lock_that_cannot_be_used_says_why(old: str, new: str, told: str) -> None:
    """A newer version, a merge, a cut and a wrong type are each told with what to do."""
    text = dumps(a_lock())
    assert old in text
    with pytest.raises(ConfigError) as caught:
        loads(text.replace(old, new))
    assert told in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a" * 64, "b" * 64),
        ("  3  model", "  4  model"),
        ("model.safetensors", "other.safetensors"),
        ('content-digest = "sha256:46', 'content-digest = "sha256:47'),
        ("model.safetensors", "../model.safetensors"),
    ],
)
def test_a_lock_that_was_edited_is_not_believed(old: str, new: str) -> None:
    """A digest, a size or a name that was changed by hand is an IntegrityError."""
    text = dumps(a_lock())
    assert old in text
    with pytest.raises(IntegrityError):
        loads(text.replace(old, new))


@given(st.data())
def test_a_lock_that_is_cut_anywhere_is_whole_or_refused(data: st.DataObject) -> None:
    """A write that was cut short never reads as a lock of other files."""
    lock = Lock(models=(a_lock().models[0], evolve(a_lock().models[0], name="second")))
    text = dumps(lock)
    end = data.draw(st.integers(0, len(text)))
    try:
        found = loads(text[:end])
    except ZooError:
        return
    assert all(model in lock.models for model in found.models)


@given(st.text(max_size=200))
def test_any_text_is_a_lock_or_a_clear_error(text: str) -> None:
    """Nothing else than an error of ours comes of what is no lock."""
    try:
        loads(text)
    except ZooError as error:
        assert error.message
