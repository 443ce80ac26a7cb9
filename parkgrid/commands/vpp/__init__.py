"""`parkgrid vpp`: the virtual power plant pilot, by command what a person must do; a file for each kind of act."""

import typer

from parkgrid.commands.vpp import (
    acts,
    calling,
    capability,
    disputes,
    events,
    ledger,
    proof,
    registry,
    registry_file,
    report,
    running,
    session,
    statement,
    trying,
)

app = typer.Typer(
    callback=session.in_folder,
    help=(
        "The virtual power plant pilot: call events, bid, award, settle, dispute, check.\n\n"
        "Every act is one entry of a chained ledger, with the name of who did it (`--by`). Money is marked "
        "模拟 / simulation unless it comes from a verified settlement pack. Without `--dsn` they work on the running "
        "`parkgrid up`; its folder is named before the command: `parkgrid vpp --data-dir DIR events`."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(ledger.app, name="ledger")
app.add_typer(registry_file.app, name="registry")
app.command("capability")(capability.capability)
app.command("forecast")(capability.forecast)
app.command("test")(capability.judge_step)
app.command("phase")(registry.phase)
app.command("statement")(statement.statement)
app.command("report")(report.report)
app.command("bundle")(proof.bundle)
app.command("verify")(proof.verify)
app.command("key")(proof.key)
app.command("call")(calling.call)
app.command("events")(events.events)
app.command("event")(events.event)
app.command("bid")(acts.bid)
app.command("opt-out")(acts.opt_out)
app.command("award")(acts.award)
app.command("acknowledge")(acts.acknowledge)
app.command("cancel")(acts.cancel)
app.command("supersede")(acts.supersede)
app.add_typer(disputes.app, name="dispute")
app.command("eligibility")(trying.eligibility)
app.command("replay")(trying.replay)
app.command("run")(running.run)
