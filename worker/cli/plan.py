"""The commands about plans, before they run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

import typer

from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.cli.options import AsJson, Day, PlanName
from worker.cli.rollout_change import parse_day
from worker.cli.views.plan import breach_rows, finding_rows, format_rows, stage_rows, to_json_rows
from worker.config.settings import load_settings
from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.file import BUILT_IN, read_plan_file
from worker.rollout.plan.findings import Finding, Severity
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.rehearsal import rehearse
from worker.rollout.plan_check.check import check_plan
from worker.speech.catalogue_file import load_catalogue

# Of each table: its title, and the word for None.
_TITLES: Final = {
    "stages": ("At the traffic that it expects", "-"),
    "breaches": ("How soon a breach is seen; never: its attempts don't come within the rule's window", "never"),
}

app = typer.Typer(no_args_is_help=True, help="The plans: what there is, and whether one is any good.")


@app.command("check")
def check_command(
    plan: PlanName,
    day: Day = "1d",
    as_json: AsJson = False,
) -> None:
    """Report what is wrong (exit 1) and unwise in a plan, and its exposure at the traffic that it expects."""
    catalogue = load_catalogue(load_settings().worker.characters_file).names
    lasts = parse_day(day)
    name, text = read_plan_file(plan)
    try:
        file = parse_plan(text, name, catalogue)
    except InvalidFileError as error:
        findings: Sequence[Finding] = error.findings
        tables: dict[str, list[dict[str, object]]] = {}
    else:
        findings = check_plan(file, catalogue, lasts)
        file = replace(file, plan=rehearse(file.plan, lasts))
        tables = {
            "stages": stage_rows(file, catalogue, lasts),
            "breaches": breach_rows(file, catalogue, lasts),
        }
    rows = finding_rows(findings)
    if as_json:
        plain = {table: to_json_rows(each) for table, each in tables.items()}
        terminal.show_one({"plan": name, "findings": rows, **plain}, as_json=True)
    else:
        terminal.show(rows, as_json=False, nothing="No findings.")
        for table, each in tables.items():
            title, none = _TITLES[table]
            terminal.say(f"\n{title}")
            terminal.show(format_rows(each, none), as_json=False)
    if any(each.severity is Severity.WRONG for each in findings):
        raise typer.Exit(ExitCode.FAILED)


@app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """The plans that come with chirp-worker."""
    catalogue = load_catalogue(load_settings().worker.characters_file).names
    rows: list[dict[str, object]] = []
    for name in BUILT_IN:
        plan = parse_plan(read_plan_file(name)[1], name, catalogue).plan
        rows.append({"plan": name, "stages": ", ".join(stage.name for stage in plan.stages), "what": plan.text})
    terminal.show(rows, as_json=as_json)


@app.command("show")
def show_command(plan: Annotated[str, typer.Argument(metavar="PLAN", help="A name, or a file.")]) -> None:
    """A plan's YAML, for a copy of one's own."""
    terminal.say(read_plan_file(plan)[1], newline=False)
