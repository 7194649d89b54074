"""Generates the plans' JSON Schema from the model: `python -m worker.rollout.plan.schema`."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from worker.rollout.plan.model import Plan
from worker.rollout.plan.units import format_duration

TARGET: Final = Path(__file__).parent / "built_in" / "plan.schema.json"


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        # As a plan writes it: pydantic would suggest "P7D" to an editor.
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def schema_text() -> str:
    """Return the schema, draft 2020-12; an editor completes and checks plans with it."""
    schema = Plan.model_json_schema(schema_generator=_Generator)
    return json.dumps({"$schema": GenerateJsonSchema.schema_dialect, **schema}, indent=2) + "\n"


def main() -> None:
    """Write the file and print its name."""
    TARGET.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"wrote worker/rollout/plan/built_in/{TARGET.name}\n")


if __name__ == "__main__":
    main()
