"""Processor time of the small commands on a demo: check, score, explain and report, each in a process of its own.

    python tests/benchmarks/commands.py [--root CHECKOUT] [--accounts 500] [--rounds 3] [--dir DIR]

Each checkout makes a demo of its own first (kept in DIR, and taken from there the next time); then rounds go in turns
over the checkouts, so that a machine that is slow for a while is slow for both, and medians are told. With `--root`,
another checkout is measured beside this one, and the ratio of this one's time to its time stands in the last column.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("check", "score", "explain", "report")


def forewarn(root: Path, *arguments: str | Path) -> float:
    """Runs the command of a checkout to its end; its processor seconds, those of the kernel for it included."""
    command = [sys.executable, "-m", "serving", *map(str, arguments)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # A shell may forbid bytecode; each run would then compile hundreds of modules, which nobody's installation does.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPATH"] = str(root)
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{root}: {' '.join(command)}\n{done.stderr[-2000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measured(root: Path, demo: Path, command: str) -> float:
    account = str(pd.read_parquet(demo / "accounts.parquet").account_id.iloc[-1])
    extra = [account] if command == "explain" else []
    return forewarn(root, "--config", demo / "forewarn.yaml", command, *extra)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="another checkout, measured in turns with this one")
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the demos are kept; default: a temporary folder")
    chosen = parser.parse_args()
    roots = {"this": ROOT} | ({} if chosen.root is None else {"other": chosen.root.resolve()})
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.dir or Path(temporary)).resolve()
        demos = {name: folder / name for name in roots}
        for name, root in roots.items():
            if not (demos[name] / "forewarn.yaml").exists():
                print(f"making a demo of {chosen.accounts} accounts with {root}", flush=True)
                forewarn(root, "demo", "--accounts", str(chosen.accounts), "--dir", demos[name])
        seconds: dict[tuple[str, str], list[float]] = {}
        for number in range(chosen.rounds + 1):
            for command in COMMANDS:
                for name, root in roots.items():
                    taken = measured(root, demos[name], command)
                    if number:  # the first round compiles modules and fills the disk's cache
                        seconds.setdefault((command, name), []).append(taken)
    print(f"{'command':10}" + "".join(f"{name:>10}" for name in roots) + ("     ratio" if len(roots) > 1 else ""))
    for command in COMMANDS:
        medians = [statistics.median(seconds[command, name]) for name in roots]
        ratio = f"{medians[0] / medians[1]:10.2f}" if len(medians) > 1 else ""
        print(f"{command:10}" + "".join(f"{median:9.2f}s" for median in medians) + ratio)


if __name__ == "__main__":
    main()
