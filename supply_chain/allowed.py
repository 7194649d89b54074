"""The licences that what is shipped may have."""

from functools import cache
from typing import Any, Final

from license_expression import ExpressionError, Licensing, get_spdx_licensing

ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        # A library in a package of its own, used unchanged: whoever has the image may put another build in its place.
        "LGPL-2.1-or-later",
        "MIT",
        "MIT-0",
        "MIT-CMU",
        # Its copyleft is for its own files, which are used unchanged.
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""SPDX identifiers."""
ALLOWED_NAMES: Final = frozenset(
    {
        "3-Clause BSD License",
        "Apache License 2.0",
        "Apache Software License",
        "BSD License",
        "ISC License (ISCL)",
        "MIT License",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "Python Software Foundation License",
    }
)
"""What packages say that have no SPDX expression: a classifier of PyPI, or free text."""
_UNKNOWN: Final = frozenset({"", "UNKNOWN"})


def find_objection(licence: str) -> str:
    """Why a package with this licence is not shipped; empty if it may be.

    Args:
        licence: an SPDX expression, of which an OR needs one side alone, or names, separated by semicolons, of which
            each must be allowed.
    """
    if licence.strip() in _UNKNOWN:
        return "has no licence"
    try:
        parsed = _spdx().parse(licence, validate=True)
    except ExpressionError:
        refused = [name for each in licence.split(";") if (name := each.strip()) not in ALLOWED_NAMES]
        return f"{', '.join(map(repr, refused))} is not allowed" if refused else ""
    return "" if _is_allowed(parsed) else f"{licence!r} is not allowed"


def _is_allowed(node: Any) -> bool:
    if isinstance(node, _spdx().AND):
        return all(_is_allowed(each) for each in node.args)
    if isinstance(node, _spdx().OR):
        return any(_is_allowed(each) for each in node.args)
    return str(node.render()) in ALLOWED


@cache
def _spdx() -> Licensing:
    return get_spdx_licensing()
