"""The names that people may rely on are exactly the ones written here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import zooclient

NAMES = """
    __version__
    Client AsyncClient Settings ZooSettings Limits default_client
    search resolve compare identify card audit plan download start file load open repeat sources verify whoami
    check Checked Policy Allowance Violation
    Ref Query Page Hit Hits AsyncHits ModelRecord FileEntry License Access Demo Card Capability Account
    Identification Identified Match
    AuditReport Finding
    Comparison Column Evaluation Failure
    PublishPlan PublishFile PublishTarget Published LeftOut CardFinding
    Plan Wishes Reuse Skip Snapshot SnapshotFile Receipt Observed Sources FileCopy Model Job Progress Reporter Cancel
    AsyncModel RemoteModel AsyncRemoteModel Run RunFile RunEvent RunStream AsyncRunStream
    ZooError RefError ConfigError NotFound Gone AccessError IntegrityError PolicyError NetworkError RateLimited
    Offline ProtocolError StoreError Unsupported RunFailed Cancelled UnpinnedWarning StaleWarning DamagedWarning
""".split()

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"


def test_the_public_names_are_the_written_list() -> None:
    """A name comes or goes only together with this list."""
    assert sorted(NAMES) == sorted(zooclient.__all__)
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) <= set(dir(zooclient))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    """Every public name can be had and has a docstring of its own."""
    value = getattr(zooclient, name)
    if name == "__version__":
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", value)
        return
    assert value.__doc__
    assert value.__doc__.strip()
    if isinstance(value, type):
        assert all(value.__doc__ != base.__doc__ for base in value.__mro__[1:]), "an inherited docstring is none"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "__version__"])
def test_every_public_name_stands_in_the_reference(name: str) -> None:
    """The reference has a directive for each public name."""
    text = "\n".join(page.read_text("utf-8") for page in sorted(REFERENCE.glob("*.md")))
    assert re.search(rf"^\.\. auto\w+:: zooclient\.{name}$", text, re.MULTILINE)


def test_every_public_method_of_a_client_is_the_same_in_both_colours() -> None:
    """Whoever knows the client knows the async one: the same names, with the same arguments."""
    import inspect

    # A job is what a task is to asyncio.
    plain = {name for name in vars(zooclient.Client) if not name.startswith("_")} - {"close", "start"}
    colour = {name for name in vars(zooclient.AsyncClient) if not name.startswith("_")} - {"aclose"}
    assert plain == colour
    for name in plain:
        ours, theirs = (
            inspect.getattr_static(zooclient.Client, name),
            inspect.getattr_static(zooclient.AsyncClient, name),
        )
        if inspect.isfunction(ours):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name


def test_every_public_name_is_known_to_type_checkers() -> None:
    """The names that are looked up lazily stand in the block for type checkers too."""
    source = Path(zooclient.__file__).read_text("utf-8")
    block = source.partition("if TYPE_CHECKING:")[2].partition("def __getattr__")[0]
    shown = set(re.findall(r"import (\w+) as \1$", block, re.MULTILINE))
    assert shown == set(NAMES) - {"__version__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as it does in any module."""
    with pytest.raises(AttributeError, match="serach"):
        _ = zooclient.serach


def test_importing_the_front_loads_no_module_of_ours() -> None:
    """``import zooclient`` loads one module."""
    code = "import sys; before = set(sys.modules); import zooclient; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['zooclient']"
