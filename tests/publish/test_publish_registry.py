"""Who gives models to which zoo."""

from __future__ import annotations

from typing import Any, cast

import pytest

from zooclient.errors import Unsupported
from zooclient.net.exchange import replay
from zooclient.providers.base import Provider
from zooclient.providers.further import TakesModels
from zooclient.providers.registry import provider_for, publisher_for, schemes
from zooclient.records.ref import Ref
from zooclient.settings import Settings


@pytest.mark.parametrize("scheme", [scheme for scheme in schemes() if scheme != "file"])
def test_each_zoo_of_ours_has_somebody_who_answers(scheme: str) -> None:
    """What publishes is there for each zoo with a server, whether it then takes models or names a page."""
    publisher = publisher_for(provider_for(scheme, Settings()), Settings())
    assert isinstance(publisher, TakesModels)
    assert "token" not in repr(publisher)


def test_capability_says_who_takes_models() -> None:
    """What a zoo says of itself is what it does."""
    taking = {scheme for scheme in schemes() if provider_for(scheme, Settings()).capability.publish}
    assert taking == {"hf", "modelscope", "replicate"}


def test_this_machine_takes_none() -> None:
    """A folder here is no zoo to publish to."""
    with pytest.raises(Unsupported, match="No model can be published to file"):
        publisher_for(provider_for("file", Settings()), Settings())


def test_civitai_names_its_page() -> None:
    """The hint holds the address at which a person uploads."""
    publisher = publisher_for(provider_for("civitai", Settings()), Settings())
    with pytest.raises(Unsupported) as caught:
        replay(publisher.standing(Ref.parse("civitai:1")), answer=_nobody)
    assert "https://civitai.com/models/create" in str(caught.value.hint)


def _nobody(request: object) -> Any:
    raise AssertionError(f"{request} was asked")


class Foreign:
    """A provider of another package that takes models itself."""

    scheme = "elsewhere"

    def standing(self, *_: object) -> None: ...

    def make(self, *_: object) -> None: ...

    def send(self, *_: object) -> None: ...

    def mark(self, *_: object) -> None: ...


def test_a_foreign_provider_may_take_models_itself() -> None:
    """A plug-in needs no second entry point to be published to."""
    foreign = cast(Provider, Foreign())
    assert publisher_for(foreign, Settings()) is cast(Any, foreign)
