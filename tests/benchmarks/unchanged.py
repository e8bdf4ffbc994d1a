"""Whether a change of the code has changed a number: what a checkout makes, kept, and compared with what another made.

    python tests/benchmarks/unchanged.py keep DIR [--root CHECKOUT] [--accounts 500] [--seeds 7 11]
    python tests/benchmarks/unchanged.py compare BEFORE AFTER

`keep` runs the demo's commands for each seed, and on the data sets of FOREWARN_DATA (left out where it is not set)
features, train, backtest and report. `compare` reads the signals and predictions of both to the last bit, every stored
model's files (JSON in order, so that a key may have another name; trees.txt byte by byte) and the figures of
report.json, and exits with 1 where a number differs. Names that differ are listed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
SETS = ("fightchurn_crm5", "online_retail", "oulad")
FRAMES = ("features.parquet", "backtest/predictions.parquet", "backtest/baselines.parquet", "scores/*.parquet")
DEMO = """
import importlib, sys
from functools import partial
from pathlib import Path
demo = importlib.import_module(sys.argv[4])
demo.make_company = partial(demo.make_company, seed=int(sys.argv[1]))
demo.run_demo(Path(sys.argv[2]), int(sys.argv[3]), lambda said: print(said, flush=True))
"""
# What names a moment, a run, a path of one machine or the layout of a file, and not a figure.
PASSING = re.compile(
    r"^(created|format|run_id|fingerprint|config_version|model_version|settings|version|version_hash)$"
)


# Keys of report.json that had another name, and another place in it.
REPORT_KEYS = {"answer": "headlines", "leaders": "revenue", "calls": "overrides", "marks": "events", "to_do": "advice"}


def keep(folder: Path, root: Path, accounts: int, seeds: list[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "PYTHONPATH": str(root)}
    module = "serving.demo.demo" if (root / "serving/demo").is_dir() else "serving.demo"
    for seed in seeds:
        made = folder / f"demo_{seed}"
        arguments = [sys.executable, "-c", DEMO, str(seed), str(made), str(accounts), module]
        subprocess.run(arguments, cwd=root, env=env, check=True)
    for name in SETS if os.environ.get("FOREWARN_DATA") else ():
        text = (root / f"configs/examples/{name}.yaml").read_text(encoding="utf-8")
        config = folder / name / "forewarn.yaml"
        config.parent.mkdir(exist_ok=True)
        config.write_text(re.sub(r"(?m)^state: .*$", "state: .forewarn", text), encoding="utf-8")
        features = ["features", "--out", str(folder / name / ".forewarn/features.parquet")]
        for command in (features, ["train"], ["backtest"], ["report"]):
            subprocess.run(
                [sys.executable, "-m", "serving", "--config", str(config), *command], cwd=root, env=env, check=True
            )


def model_files(state: Path) -> list[dict[str, Path]]:
    """Files of each stored model by name, the models in the order in which they were made."""
    result = sorted(state.glob("artifacts/models/*/artifacts/artifacts/forewarn"), key=lambda one: one.stat().st_mtime)
    return [{str(path.relative_to(one)): path for path in sorted(one.rglob("*.*"))} for one in result]


def differences(before: Any, after: Any, where: str = "", renamed: set[str] | None = None) -> Iterator[str]:
    """Where two JSON values differ in a number, a truth or their shape; texts may differ, and keys in their names.

    Keys of the same name are held against each other, the rest in order.
    """
    renamed = set() if renamed is None else renamed
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [key for key in before if key not in after]
        new = [key for key in after if key not in before]
        if len(gone) > len(new):
            yield f"{where}: {gone} became {new}"
        renamed |= {f"{old} -> {now}" for old, now in zip(gone, new, strict=False)}
        pairs = [(key, key) for key in before if key in after] + list(zip(gone, new, strict=False))
        for old, now in pairs:
            if not PASSING.match(now):
                yield from differences(before[old], after[now], f"{where}.{now}", renamed)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{where}: {len(before)} became {len(after)}"
        for place, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, f"{where}[{place}]", renamed)
    elif isinstance(before, str) and isinstance(after, str):
        return
    elif before != after or type(before) is not type(after):
        yield f"{where}: {before!r} became {after!r}"


def _by_todays_keys(report: dict[str, Any]) -> dict[str, Any]:
    """A report whose sections have the keys of today, its refusals in an order that does not hang on theirs."""
    body = {REPORT_KEYS.get(key, key): value for key, value in report.items()}
    return {**body, "refused": sorted(body["refused"], key=lambda one: (one["figure"], one["where"]))}


def frame_differences(before: Path, after: Path, renamed: set[str]) -> Iterator[str]:
    one, other = pd.read_parquet(before), pd.read_parquet(after)
    if one.shape != other.shape:
        yield f"{after.name}: {one.shape} became {other.shape}"
        return
    gone = [name for name in one if name not in other]
    new = [name for name in other if name not in one]
    renamed |= {f"{old} -> {now}" for old, now in zip(gone, new, strict=True)}
    one = one.rename(columns=dict(zip(gone, new, strict=True)))
    for name in one:
        if PASSING.match(str(name)):
            continue
        same = one[name].equals(other[name])
        if not same and one[name].dtype in ("object", "str"):  # texts of JSON: their figures
            pairs = zip(map(str, one[name]), map(str, other[name]), strict=True)
            same = all(
                re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", a) == re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", b) for a, b in pairs
            )
        if not same:
            yield f"{after.name}: {name} differs"


def compare(before: Path, after: Path) -> list[str]:
    """Every difference, of the projects that both folders hold."""
    result, renamed = [], set[str]()
    for project in sorted(path.name for path in before.iterdir() if (after / path.name).is_dir()):
        states = [folder / project / ".forewarn" for folder in (before, after)]
        counts = {"frames": 0, "models": 0, "reports": 0}
        for pattern in FRAMES:
            for path in sorted(states[0].glob(pattern)):
                counts["frames"] += 1
                result += [
                    f"{project}: {difference}"
                    for difference in frame_differences(path, states[1] / path.relative_to(states[0]), renamed)
                ]
        models = [model_files(state) for state in states]
        if len(models[0]) != len(models[1]):
            result.append(f"{project}: {len(models[0])} models became {len(models[1])}")
        for one, other in zip(*models, strict=False):
            counts["models"] += 1
            if set(one) != set(other):
                result.append(f"{project}: files {sorted(one)} became {sorted(other)}")
            for name in sorted(set(one) & set(other)):
                if name.endswith(".json"):
                    bodies = [json.loads(path.read_text(encoding="utf-8")) for path in (one[name], other[name])]
                    result += [
                        f"{project}: {name}{line}" for line in differences(bodies[0], bodies[1], renamed=renamed)
                    ]
                elif one[name].read_bytes() != other[name].read_bytes():
                    result.append(f"{project}: {name} differs")
        for path in sorted(states[0].glob("reports/**/report.json")):
            counts["reports"] += 1
            bodies = [json.loads((state / path.relative_to(states[0])).read_text(encoding="utf-8")) for state in states]
            bodies = [_by_todays_keys(body) for body in bodies]
            result += [f"{project}: report{line}" for line in differences(bodies[0], bodies[1], renamed=renamed)]
        print(f"{project}: {counts}", flush=True)
    print("renamed:", ", ".join(sorted(renamed)) or "nothing")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    keeping = parts.add_parser("keep")
    keeping.add_argument("folder", type=Path)
    keeping.add_argument("--root", type=Path, default=ROOT)
    keeping.add_argument("--accounts", type=int, default=500)
    keeping.add_argument("--seeds", type=int, nargs="*", default=[7, 11])
    comparing = parts.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    chosen = parser.parse_args()
    if chosen.part == "keep":
        keep(chosen.folder.resolve(), chosen.root.resolve(), chosen.accounts, chosen.seeds)
        return
    result = compare(chosen.before, chosen.after)
    print(*result[:50], sep="\n")
    print(f"{len(result)} differences")
    sys.exit(1 if result else 0)


if __name__ == "__main__":
    main()
