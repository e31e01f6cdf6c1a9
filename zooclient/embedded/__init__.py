"""The zoo that comes with zooclient: one small, real model and digits to try it on.

The model is trained by ``examples/train_digits.py``. The digits are the held-out part of scikit-learn's copy of
*Optical Recognition of Handwritten Digits* (E. Alpaydin and C. Kaynak, 1998, https://doi.org/10.24432/C50P49,
CC BY 4.0).
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def zoo_folder() -> Path:
    """Returns the folder to serve: ``zooclient/digits`` is the model in it."""
    return _HERE / "zoo"


def samples_file() -> Path:
    """Returns the safetensors file with the held-out digits, ``pixels`` and ``labels``."""
    return _HERE / "digits.safetensors"
