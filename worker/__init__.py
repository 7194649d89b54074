"""The worker, the rollout's controller and the command line of chirp-worker."""

from importlib.metadata import version
from typing import Final

__version__: Final = version("chirp-worker")
