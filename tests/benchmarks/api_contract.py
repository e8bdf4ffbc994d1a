"""Whether a running service keeps to its own document: thousands of requests made from it, right and wrong.

    FOREWARN_KEY=fw_... python tests/benchmarks/api_contract.py http://127.0.0.1:3000 --each 110

Schemathesis sends what the document allows and what it forbids. A failure is a status, header, media type or body that
the document does not name, a wrong body that is taken, or a 500. What fits the schemas may still be refused with 422
(a level or signal that the project does not have), so that check alone is left out. The key should be an admin's, and
the project one to play with: entries are really entered.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import httpx

# BentoML's figures are no JSON; and the log-in of nobody: the probes answer without a key.
LEFT_OUT = r"^/metrics$"
PHASES = ("examples", "coverage", "fuzzing")


@dataclass(frozen=True)
class Contract:
    """What came of it: how many requests were made, and what was said where one was answered against the document."""

    cases: int
    passed: bool
    output: str


def check(url: str, key: str, each: int, phases: tuple[str, ...] = PHASES, seed: int = 1) -> Contract:
    """Fetches the document of a service, validates it, and sends `each` requests at most of every kind to every path.

    Parameters
    ----------
    url, key : str
        Of the service, and an admin's.
    each : int
        Requests a path and method and phase.
    phases : tuple of str
        Of Schemathesis.
    seed : int

    Returns
    -------
    Contract
    """
    from openapi_spec_validator import validate

    answer = httpx.get(f"{url}/openapi.json", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    validate(answer.raise_for_status().json())
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(answer.json()))
        command = [sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", url]
        command += ["-H", f"Authorization: Bearer {key}", "-n", str(each), "--phases", ",".join(phases)]
        command += ["--exclude-checks", "positive_data_acceptance", "--exclude-path-regex", LEFT_OUT]
        command += ["--seed", str(seed), "--no-color"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    generated = re.search(r"(\d+) generated", done.stdout)
    return Contract(int(generated[1]) if generated else 0, done.returncode == 0, done.stdout + done.stderr)


def main() -> None:
    """Prints what Schemathesis says; exit code 1 where the document is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--each", type=int, default=110)
    arguments = parser.parse_args()
    contract = check(arguments.url, os.environ["FOREWARN_KEY"], arguments.each)
    print(contract.output[-6000:])
    print(f"{contract.cases} cases: {'the document is kept' if contract.passed else 'NOT kept'}")
    sys.exit(0 if contract.passed else 1)


if __name__ == "__main__":
    main()
