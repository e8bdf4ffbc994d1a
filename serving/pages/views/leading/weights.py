"""Weights of the health score: the newest proposal with its evidence, who would change level, and the draft.

What is shown is what `forewarn --json weights` says, run beside the service in a process of its own; nothing is worked
out here. The draft is the file that the command writes beside the project's. A score goes by the weights that its model
was trained with, so that a draft is published by training, judging and promoting a model with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from configs.atomic_files import write_text
from evaluation.formatting import decimal
from serving.api import Answer, Call, Route, log
from serving.pages.rendering import redirect, render
from serving.pages.views.leading.scientist import SCIENTISTS

Row = tuple[str, ...]
HERE = "/scientist/weights"
SHOWN = 50
LAST_LINES = 6

_running: dict[Path, tuple[str, asyncio.Task[None]]] = {}  # by the project's file: since when, and what waits for it
_failed: dict[Path, str] = {}


@dataclass(frozen=True)
class Draft:
    """The file with the proposed weights, and the commands that publish it."""

    file: str
    text: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """What the command said last."""

    made: str
    headlines: tuple[str, ...]
    rows: str
    steps: tuple[Row, ...]
    weights: tuple[Row, ...]
    levels: str | None
    moves: tuple[Row, ...]
    accounts: tuple[Row, ...]
    draft: Draft | None


@dataclass(frozen=True)
class WeightsView:
    """What the page shows."""

    title: str
    running_since: str | None
    failed: str | None
    proposal: Proposal | None


def proposal_of(kept: Any, draft_text: str | None) -> Proposal:
    """A proposal in words, from the JSON that was kept and the draft's text (None: it is not there any more)."""
    said, levels = kept["said"], kept["said"]["levels"]
    draft = None
    if said["out"] is not None and draft_text is not None:
        name = Path(said["out"]).name
        commands = tuple(f"forewarn --config {name} {do}" for do in ("train", "backtest", "promote"))
        draft = Draft(name, draft_text, commands)
    words = None
    if levels is not None:
        words = f"{levels['changed']:,} of {levels['scored']:,} accounts would change level, as of {levels['as_of']}."
    return Proposal(
        made=kept["made"],
        headlines=tuple(said["headlines"]),
        rows=f"Judged on {said['rows']:,} scorings of {said['accounts']:,} accounts, {said['churned_accounts']:,} of"
        f" which left within {said['horizon_days']} days; origins {', '.join(said['origins'])}.",
        steps=tuple(
            (
                step["title"],
                decimal(step["log_loss"], 4),
                decimal(step["auc"], 3),
                "-" if step["worth_taking"] is None else "yes" if step["worth_taking"] else "no",
                "recommended" if step["step"] == said["recommended"] else "",
            )
            for step in said["steps"]
        ),
        weights=tuple(
            (
                stage["stage"].replace("_", " "),
                one["dimension"],
                f"{one['before']:.0f}",
                f"{one['after']:.0f}",
                f"{one['low']:.0f} to {one['high']:.0f}",
                f"{stage['churns']:,}",
            )
            for stage in said["weights"]
            for one in stage["dimensions"]
        ),
        levels=words,
        moves=() if levels is None else tuple(tuple(map(str, one.values())) for one in levels["moves"]),
        accounts=() if levels is None else tuple(_moved(one) for one in levels["accounts"][:SHOWN]),
        draft=draft,
    )  # fmt: skip


def _moved(account: dict[str, Any]) -> Row:
    return tuple(decimal(value, 1) if isinstance(value, float) else str(value) for value in account.values())


def _read(path: Path) -> Proposal | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    out = kept["said"]["out"]
    draft = Path(out) if out is not None else None
    text = draft.read_text(encoding="utf-8") if draft is not None and draft.is_file() else None
    return proposal_of(kept, text)


async def _propose(config: Path, kept_in: Path) -> None:
    """Runs the command and keeps what it said; what it complained of stands on the page."""
    command = (sys.executable, "-m", "serving", "--config", str(config), "--json", "weights")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, complained = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        raise
    if process.returncode != 0:
        lines = complained.decode("utf-8", errors="replace").strip().splitlines()
        _failed[config] = " ".join(lines[-LAST_LINES:]) or f"it ended with {process.returncode}"
        log("weights_failed", code=process.returncode)
        return
    kept = {"made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "said": json.loads(out)}
    await asyncio.to_thread(write_text, kept_in, json.dumps(kept))
    log("weights_proposed")


async def weights(call: Call) -> Answer:
    """The newest proposal."""
    config = call.live.worker.config
    proposal = await asyncio.to_thread(_read, call.live.settings.paths.weights)
    running = _running.get(config)
    shown = WeightsView(
        title="Weights of the health score",
        running_since=None if running is None else running[0],
        failed=_failed.get(config),
        proposal=proposal,
    )
    return await render(call, "weights.html", shown)


async def propose(call: Call) -> Answer:
    """Has the command run, unless it runs already."""
    config = call.live.worker.config
    if config in _running:
        return redirect(HERE, "A proposal is being worked out already.", call.session)
    _failed.pop(config, None)
    task = asyncio.get_running_loop().create_task(_propose(config, call.live.settings.paths.weights))
    _running[config] = (f"{datetime.now(UTC):%H:%M} UTC", task)
    task.add_done_callback(lambda _: _running.pop(config, None))
    return redirect(HERE, "A proposal is being worked out; open this page again in a few minutes.", call.session)


ROUTES: tuple[Route, ...] = (
    Route("GET", HERE, SCIENTISTS, weights, "The newest proposal of weights.", page=True, of_all=True),
    Route("POST", HERE, SCIENTISTS, propose, "Works out a proposal of weights.", page=True, of_all=True),
)
