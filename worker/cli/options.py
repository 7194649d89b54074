"""Options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="A YAML file, or staging or production.")]
Day = Annotated[str, typer.Option(help="A rehearsal: how long a day lasts, such as 60s.")]
