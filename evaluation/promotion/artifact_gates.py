"""The gates that ask what is promoted rather than how right it is: its twins, its size, its speed, its sources."""

from __future__ import annotations

from evaluation.promotion.verdict import GateInputs, GateResult
from evaluation.validity import failing


def reseeded(inputs: GateInputs) -> GateResult | None:
    correlation, least = inputs.measured.seeds_agree, inputs.settings.evaluation.reseed_rank_limit
    if correlation is None:
        return None
    message = "rank correlation of the newest scores with those of the same learners from another seed"
    return GateResult("reseeded", correlation >= least, correlation, f"at least {least:g}", message)


def size(inputs: GateInputs) -> GateResult | None:
    size_mb, most = inputs.measured.size_mb, inputs.settings.evaluation.size_limit_mb
    if size_mb is None:
        return None
    message = f"the model's files take {size_mb:.2f} MB"
    return GateResult("size", size_mb <= most, size_mb, f"at most {most:g} MB", message)


def latency(inputs: GateInputs) -> GateResult | None:
    """A ratio within one run, so that it is the model's slowness that counts and not the machine's."""
    if inputs.measured.latency is None:
        return None
    most, (seconds, reference) = inputs.settings.evaluation.latency_limit, inputs.measured.latency
    message = f"scoring 1,000 accounts with reasons took {seconds:.2f} processor seconds here,"
    message += f" the reference {reference:.2f}"
    limit = f"at most {most:g} times the reference"
    return GateResult("latency", seconds <= most * reference, seconds / reference, limit, message)


def suspects(inputs: GateInputs) -> GateResult | None:
    columns = inputs.measured.suspects
    if columns is None:
        return None
    message = "columns that may know the future" + (f": {', '.join(columns)} (`forewarn check`)" if columns else "")
    return GateResult("suspects", not columns, float(len(columns)), "none that is not in allow_leaking", message)


def checks(inputs: GateInputs) -> GateResult | None:
    findings = inputs.measured.checks
    if findings is None:
        return None
    fails = failing(findings)
    message = f"coded checks that fail, of {len(findings)} findings"
    message += "".join(f"; {finding.code} {finding.title.lower()}: {finding.message}" for finding in fails)
    return GateResult("checks", not fails, float(len(fails)), "none", message)


def served(inputs: GateInputs) -> GateResult | None:
    equal = inputs.measured.served_equals_batch
    if equal is None:
        return None
    message = "the endpoint's scores equal the batch's to the last bit" if equal else "the endpoint scores differently"
    return GateResult("served_equals_batch", bool(equal), None, "equal to the last bit", message)
