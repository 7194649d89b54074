"""The parsers survive a few mutated inputs each; `make fuzz` gives them minutes."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import TARGETS, fuzz


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_survives_its_good_inputs_and_some_mutated_ones(name: str) -> None:
    target = TARGETS[name]
    for seed in target.seeds:
        target.run(seed)
    assert fuzz(target, 0.2) >= 0
