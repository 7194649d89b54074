"""Files of others that are kept in the repository, since the console has no build step and no third-party hosts."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Vendored:
    """A file as its makers published it: its package in npm's registry, its licence, its SHA-256."""

    package: str
    version: str
    licence: str
    path: str
    sha256: str


VENDORED: Final = (
    Vendored(
        "htmx.org",
        "2.0.11",
        "0BSD",
        "worker/console/web/static/htmx-2.0.11.min.js",
        "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717",
    ),
    Vendored(
        "htmx-ext-sse",
        "2.2.4",
        "0BSD",
        "worker/console/web/static/htmx-ext-sse-2.2.4.min.js",
        "98a46496de0c3605fbffdce9167ba427bdd9553184f83f149c261891a92c0136",
    ),
)
