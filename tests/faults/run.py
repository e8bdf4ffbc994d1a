"""`make faults`: every scenario of tests/faults, so many times, with its counts.

python -m tests.faults.run --project demo --times 200
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

from tests.faults.scenarios import SCENARIOS, Bench


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, required=True, help="A project with a champion, such as the demo's.")
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--only", default="", help="Scenarios whose name holds this.")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    for scenario, share in SCENARIOS:
        if arguments.only not in scenario.__name__:
            continue
        with tempfile.TemporaryDirectory(prefix="forewarn-faults-") as temporary:
            folder = Path(temporary)
            folder.chmod(0o755)
            shutil.copytree(arguments.project, folder / "project")
            (folder / "work").mkdir()
            bench = Bench(folder / "project" / "forewarn.yaml", folder / "work", random.Random(arguments.seed))
            begun, times = time.monotonic(), max(round(arguments.times * share), 1)
            counts = scenario(bench, times)
            print(f"{scenario.__name__}: {times} times in {time.monotonic() - begun:.0f} s")
            for what, count in sorted(counts.items()):
                print(f"  {count:6}  {what}", flush=True)


if __name__ == "__main__":
    main()
