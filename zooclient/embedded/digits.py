"""How to use the embedded model: classify digits with its tensors, and show them in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zooclient.embedded import samples_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What the hosted model says of a digit.
SAYS = "It is a {}."

#: From paper to ink.
_SHADES = " .:-=+*#%@"
_SIDE = 8
_INK = 16


def samples() -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns 450 digits that the model did not learn from: their pixels, 64 from 0 to 16 a row, and their labels."""
    from zooclient.loading.tensors import Tensors

    tensors = Tensors([("digits.safetensors", samples_file())])
    return tensors["pixels"], tensors["labels"]


def classify(tensors: Mapping[str, NDArray[Any]], pixels: NDArray[Any]) -> list[int]:
    """Returns the digit that the model sees in each row of pixels.

    Args:
        tensors: The model's weights by name: ``hidden.weight``, ``hidden.bias``, ``output.weight``, ``output.bias``.
        pixels: One row of 64 numbers from 0 to 16 for each image.
    """
    import numpy as np

    scaled = np.asarray(pixels, "f4") / _INK
    hidden = np.maximum(scaled @ tensors["hidden.weight"].T + tensors["hidden.bias"], 0)
    scores = hidden @ tensors["output.weight"].T + tensors["output.bias"]
    return [int(label) for label in scores.argmax(axis=1)]


def hosted(pixels: str) -> str:
    """The embedded model as somebody would host it: 64 numbers come in, and a sentence goes out."""
    import numpy as np

    from zooclient.embedded import zoo_folder
    from zooclient.loading.tensors import Tensors

    weights = zoo_folder() / "zooclient" / "digits" / "model.safetensors"
    row = np.array([[float(value) for value in pixels.split()]])
    return SAYS.format(classify(Tensors([(weights.name, weights)]), row)[0])


def drawn(pixels: NDArray[Any]) -> str:
    """Returns the images as text, side by side, each ten columns wide."""
    images = [[int(value) for value in row] for row in pixels]
    lines = []
    for top in range(0, _SIDE * _SIDE, _SIDE):
        rows = ("".join(_shade(value) for value in image[top : top + _SIDE]) for image in images)
        lines.append("  " + "  ".join(rows))
    return "\n".join(line.rstrip() for line in lines)


def _shade(value: int) -> str:
    return _SHADES[value * (len(_SHADES) - 1) // _INK]
