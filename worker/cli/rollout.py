"""The commands about the rollout in `tts.rollout`: assembles them into `rollout`."""

import typer

from worker.cli import plan
from worker.cli.rollout_manual import exclude, include, off, set_rollout
from worker.cli.rollout_notify import notify
from worker.cli.rollout_plan import approve, pause, promote, reject, resume, rollback, run, start, stop
from worker.cli.rollout_seed import seed
from worker.cli.rollout_status import explain, history, status
from worker.cli.simulate import simulate

app = typer.Typer(
    no_args_is_help=True,
    help="The rollout that workers with ROLLOUT_SOURCE=topic follow: its state, the reasons, and changes by hand.",
)
for command in (simulate, start, approve, reject, pause, resume, promote, rollback, stop, run, notify):
    app.command()(command)
for command in (status, history, explain):
    app.command()(command)
app.command("set")(set_rollout)
for command in (off, exclude, include, seed):
    app.command()(command)
app.add_typer(plan.app, name="plan")
