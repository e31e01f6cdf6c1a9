"""The zoos whose protocols are spoken here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import frozen

from zooclient.errors import ConfigError
from zooclient.records.rules import ALIASES
from zooclient.serve import huggingface, huggingface_bytes, modelscope, modelscope_bytes
from zooclient.serve.asgi import MAX_BODY
from zooclient.serve.civitai import site, storage
from zooclient.serve.protocol import Origins, Site
from zooclient.serve.registry import site as registry
from zooclient.serve.registry import storage as images
from zooclient.serve.replicate import delivery
from zooclient.serve.replicate import site as replicate


@frozen(kw_only=True)
class Zoo:
    """One zoo that can be spoken for.

    Attributes:
        scheme: Of its references; of a registry of images, which has none, what settings call it.
        title: Name of the zoo.
        speak: Makes its two handlers.
        byte_path: First part of every path at its byte origin, which tells its paths from those of the zoo's own
            origin where both are one.
        variable: Environment variable that points the zoo's official client at a server. None: there is none.
        mark: First letters of its tokens.
        login: Whether a token is sent with the name of its account, so that settings have it as ``NAME:TOKEN``.
        methods: HTTP methods that it takes.
        write_methods: Those that it takes as well where it takes uploads.
        max_body: Bytes of the body of a request at the most.
    """

    scheme: str
    title: str
    speak: Callable[[Site], Origins]
    byte_path: str
    variable: str | None
    mark: str
    login: bool = False
    methods: frozenset[str] = frozenset({"GET", "HEAD", "POST"})
    write_methods: frozenset[str] = frozenset({"PUT", "DELETE"})
    max_body: int = MAX_BODY


#: Scheme to zoo, in the order in which they are told.
ZOOS: Mapping[str, Zoo] = {
    zoo.scheme: zoo
    for zoo in (
        Zoo(
            scheme="hf",
            title="Hugging Face",
            speak=huggingface.speak,
            byte_path=huggingface_bytes.BYTE_PATH,
            variable="HF_ENDPOINT",
            mark="hf_",
        ),
        Zoo(
            scheme="modelscope",
            title="ModelScope",
            speak=modelscope.speak,
            byte_path=modelscope_bytes.BYTE_PATH,
            variable="MODELSCOPE_ENDPOINT",
            mark="ms-",
            methods=frozenset({"GET", "HEAD", "POST", "PUT"}),
        ),
        Zoo(
            scheme="civitai",
            title="Civitai",
            speak=site.speak,
            byte_path=storage.BUCKET,
            variable=None,
            mark="",
        ),
        Zoo(
            scheme="replicate",
            title="Replicate",
            speak=replicate.speak,
            byte_path=delivery.BYTE_PATH,
            variable="REPLICATE_BASE_URL",
            mark="r8_",
            methods=frozenset({"GET", "HEAD", "POST", "QUERY", "DELETE"}),
            max_body=128 * 1024 * 1024,
        ),
        Zoo(
            scheme="r8",
            title="Replicate's registry",
            speak=registry.speak,
            byte_path=images.BYTE_PATH,
            variable=None,
            mark="",
            login=True,
            methods=frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}),
            max_body=512 * 1024 * 1024,
        ),
    )
}


def zoo_of(scheme: str) -> Zoo:
    """Returns the zoo of a scheme, or of another name for it.

    Raises:
        ConfigError: Its protocol is not spoken here.
    """
    zoo = ZOOS.get(ALIASES.get(scheme.lower(), scheme.lower()))
    if zoo is None:
        raise ConfigError(f"The protocol of {scheme!r} is not spoken here.", hint=f"Those that are: {', '.join(ZOOS)}.")
    return zoo
