"""The answer first: whether there is a usable signal, and what the model adds to the rules and to the contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evaluation.formatting import decimal, interval_text, money, percent
from evaluation.report.document import BeyondContracts, Comparison, Figure, Paired, Summary

CHANCE = 0.5  # the AUC of a ranking by lot


def opening_sentences(summary: Summary) -> list[str]:
    """The first lines of every answer on a model, worked out from the figures and never kinder than they are.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    list of str
        That there is no usable signal, where that holds on most scorings; whether the first yardstick does as well;
        recall, lead time and profit beside it; what is gained beyond the contracts.
    """
    compared = [pair for pair in summary["comparisons"] if pair["days"] == summary["main_horizon_days"]]
    beyond = summary["beyond_contracts"]
    sentences = [
        no_signal_sentence(summary),
        _against_first(compared[0]) if compared else "There is nothing to compare the model with.",
        _beside_sentence(summary),
        beyond["sentence"] if beyond else None,
    ]
    return [sentence for sentence in sentences if sentence]


def has_usable_signal(summary: Summary) -> bool | None:
    """Whether most scorings had a usable signal, and out of time the ranking can be told from chance.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    bool or None
        None where neither is known.
    """
    scope, auc = summary["scope"], _auc(summary)
    known = [2 * scope["without_signal_rows"] <= scope["rows"]] if "without_signal_rows" in scope else []
    known += [auc["low"] > CHANCE] if "low" in auc else []
    return all(known) if known else None


def no_signal_sentence(summary: Summary) -> str | None:
    """That nothing tells accounts apart; None where something does."""
    if has_usable_signal(summary) is not False:
        return None
    scope, auc = summary["scope"], _auc(summary)
    without, rows = scope.get("without_signal_rows", 0), scope["rows"]
    if 2 * without > rows:
        return (
            f"No usable signal: on {without:,} of {rows:,} scorings ({percent(without / rows)}) nothing that was known"
            " told accounts apart, and they carry the base rate of their stage; do not rank accounts by them."
        )
    return (
        "No usable signal: out of time the model's ranking of accounts cannot be told from chance, AUC"
        f" {decimal(auc['value'])} ({interval_text(auc)}; .5 is chance); do not rank accounts by it."
    )


def _auc(summary: Summary) -> Figure:
    days = summary["main_horizon_days"]
    return next(at["auc"] for at in summary["horizons"] if at["days"] == days)


def figures_of(comparison: Comparison | BeyondContracts) -> tuple[str, str]:
    """(both AUCs, their difference with its interval) of a comparison, as text."""
    auc = comparison["auc"]
    gap = auc["better_by"]
    places = 2 if min(abs(gap["value"]), abs(gap["low"]), abs(gap["high"])) >= 0.01 else 3
    ends = interval_text(gap, lambda value: decimal(value, places))
    both = f"AUC {decimal(auc['model']['value'])} against {decimal(auc['baseline']['value'])}"
    return both, f"difference {decimal(gap['value'], places)} ({ends})"


def _against_first(comparison: Comparison) -> str:
    """The comparison's sentence, which leads with the yardstick where that does as well."""
    if comparison["verdict"] != "level":
        return str(comparison["sentence"])
    title = comparison["title"]
    do = "do" if title.endswith("rules") else "does"
    both, difference = figures_of(comparison)
    return f"{title[0].upper()}{title[1:]} {do} as well as the model: {both}, {difference}."


def contracts_sentence(comparison: Comparison | BeyondContracts) -> str:
    """What the model says beyond the contracts, by its comparison with a model on contract columns only.

    Parameters
    ----------
    comparison : dict
        That with the baseline `contracts`.

    Returns
    -------
    str
    """
    if comparison["verdict"] == "refused":
        return f"What is gained beyond what the contracts alone say is not known: {comparison['refused']}."
    both, difference = figures_of(comparison)
    figures = f"{both} of the same learner on contract columns only, {difference}"
    if comparison["verdict"] == "beats":
        return f"Beyond what the contracts alone say: {figures}."
    if comparison["verdict"] == "worse":
        return f"The contracts alone say more than the model: {figures}."
    return f"Nothing that can be told from chance is added to what the contracts alone say: {figures}."


def _beside_sentence(summary: Summary) -> str | None:
    """Recall at capacity, lead time and profit beside the first yardstick's, with the paired intervals."""
    beside = summary["beside_rules"]
    if beside is None:
        return None
    share, currency, days = percent(summary["capacity"]["share"]), summary["currency"], beside["lead_days"]
    forms: tuple[tuple[Paired, str, str, Callable[[float], str]], ...] = (
        (beside["recall"], "recall", f"the riskiest {share} hold {{}} of those that leave", percent),
        (beside["lead"], "lead time", f"at the last scoring {days} days or more before they left, {{}}", percent),
        (
            beside["profit"],
            "profit",
            "approaching them earns {} for each account scored",
            lambda value: money(value, currency),
        ),
    )
    parts, verdicts = [], {}
    for figure, name, text, form in forms:
        if "refused" in figure:
            continue
        gap = figure["better_by"]
        verdicts[name] = "better" if gap["low"] > 0 else "worse" if gap["high"] < 0 else "level"
        values = f"{form(figure['model']['value'])} against {form(figure['baseline']['value'])}"
        parts.append(f"{text.format(values)} (difference {_difference(gap, name, form)})")
    if not parts:
        return None
    return f"{_verdict(verdicts, beside['title'])}: {'; '.join(parts)}."


def _difference(gap: Figure, name: str, form: Callable[[float], str]) -> str:
    if name == "profit":
        return f"{form(gap['value'])}, {interval_text(gap, form)}"
    value, low, high = (f"{100 * end + 0.0:.1f}" for end in (gap["value"], gap["low"], gap["high"]))
    return f"{value} points, {low} to {high}"


def _verdict(verdicts: Mapping[str, str], title: str) -> str:
    named = {
        verdict: _listed([name for name, of in verdicts.items() if of == verdict]) for verdict in verdicts.values()
    }
    do = "do" if title.endswith("rules") else "does"
    phrases = {
        "level": f"{title} {do} as well in",
        "worse": f"{title} {do} better in",
        "better": "the model is better in",
    }
    text = ", ".join(
        f"{phrases[verdict]} {named[verdict]}" for verdict in ("level", "worse", "better") if verdict in named
    )
    return text[0].upper() + text[1:]


def _listed(names: list[str]) -> str:
    """
    >>> _listed(["recall"]), _listed(["recall", "lead time", "profit"])
    ('recall', 'recall, lead time and profit')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
