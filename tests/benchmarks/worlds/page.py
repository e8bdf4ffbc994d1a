"""The figures of a world as text, and docs/worlds.md, whose table of a world is replaced when it is measured anew."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

HEAD = """# Worlds

How the model does on companies that it was not made on, beside what a morning's work by hand would serve: written by
`make worlds` (`tests/benchmarks/worlds/run.py`), world by world. All rows are out of time, yardsticks are fitted at the
same folds and judged on the same rows. *Gain* is the yardstick's log loss less forewarn's, with a 95 % interval over
accounts: above 0 forewarn is better. A slope under 1 is overconfident; it is that of the outcomes, and in brackets that
of the true probabilities where a generator knows them: with 250 churns chance moves the first by .1 to .2 even for the
truth. The *small reference* is a LightGBM of eight leaves on the calendar month of the window, tenure, the month of
joining and a few plain facts; *contracts* is the product's own learner on contract columns alone; *truth* are the true
probabilities. How many accounts were taken stands above each table (`--share`).
"""


def table(rows: list[dict[str, object]], days: int) -> str:
    own = [row for row in rows if row["days"] == days]
    lines = [
        f"{days} days: {own[0]['left']} of {own[0]['accounts']:,} accounts left, "
        f"{float(str(own[0]['observed'])):.4f} of rows, {float(str(own[0]['mean'])):.4f} predicted.",
        "",
        "| model | AUC | log loss | ECE | slope | gain (95 %) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in own:
        gain, low, high = (float(str(row[name])) for name in ("gain", "low", "high"))
        spelt = "" if np.isnan(gain) else f"{gain:+.4f} ({low:+.4f} to {high:+.4f})"
        true = float(str(row["true_slope"]))
        slope = f"{row['slope']:.2f}" + ("" if np.isnan(true) else f" ({true:.2f})")
        lines.append(
            f"| {row['model']} | {row['auc']:.4f} | {row['log_loss']:.4f} | {row['ece']:.4f} | {slope} | {spelt} |"
        )
    return "\n".join(lines)


def text(rows: list[dict[str, object]]) -> str:
    return "\n\n".join(table(rows, days) for days in sorted({int(str(row["days"])) for row in rows}))


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """Puts the tables of one world into the page, the others stay."""
    name = str(rows[0]["world"])
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    sections = dict(re.findall(r"^## (\S+)\n\n(.*?)(?=^## |\Z)", old, flags=re.M | re.S))
    sections[name] = text(rows) + "\n"
    body = "\n".join(f"## {world}\n\n{tables.strip()}\n" for world, tables in sorted(sections.items()))
    path.write_text(f"{HEAD}\n{body}", encoding="utf-8")
