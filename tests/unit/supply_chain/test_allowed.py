"""A licence is allowed by its SPDX expression, or by each of the names that a package gives."""

from __future__ import annotations

import pytest

from supply_chain.allowed import find_objection


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "Apache-2.0 OR BSD-3-Clause",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
        "MIT OR GPL-3.0-only",
        "(MIT OR GPL-3.0-only) AND ISC",
        "MIT License",
        "Apache Software License; BSD License",
    ],
)
def test_allowed(licence: str) -> None:
    assert find_objection(licence) == ""


@pytest.mark.parametrize(
    ("licence", "objection"),
    [
        ("", "has no licence"),
        ("UNKNOWN", "has no licence"),
        ("GPL-3.0-only", "'GPL-3.0-only' is not allowed"),
        ("MIT AND GPL-3.0-or-later", "'MIT AND GPL-3.0-or-later' is not allowed"),
        ("AGPL-3.0-only OR SSPL-1.0", "'AGPL-3.0-only OR SSPL-1.0' is not allowed"),
        ("Apache-2.0 WITH LLVM-exception", "'Apache-2.0 WITH LLVM-exception' is not allowed"),
        (
            "MIT License; GNU General Public License v3 (GPLv3)",
            "'GNU General Public License v3 (GPLv3)' is not allowed",
        ),
        ("Proprietary", "'Proprietary' is not allowed"),
    ],
)
def test_refused(licence: str, objection: str) -> None:
    assert find_objection(licence) == objection
