"""What to do now, in sentences that follow from the figures: whom to call first, where to look, what to fix."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.formatting import decimal, interval_text, money, percent, spread_word
from evaluation.report.document import Summary
from evaluation.report.text.headlines import main_horizon

THIN_COVERAGE = 0.8
MOST_GROUPS = 3
WANTED = ("revenue retention", "time to value", "forecast")


def advice_sentences(summary: Summary) -> list[dict[str, str]]:
    """What to do now, in sentences that figures of the summary call for.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    list of dict
        {"about", "sentence"} each, in the order in which to act.
    """
    parts = (("Accounts", _accounts), ("Segments and stages", _groups), ("The model", _model), ("Data", _data))
    return [{"about": about, "sentence": sentence} for about, advise in parts for sentence in advise(summary)]


def _accounts(summary: Summary) -> Iterator[str]:
    coming, currency = summary["revenue"]["forecast"], summary["currency"]
    first = coming.get("first", [])
    if first and coming["arr_lost"]["value"] > 0:
        names = ", ".join(
            f"{account['account_id']} ({percent(account['p'])} of {money(account['arr'], currency)})"
            for account in first
        )
        share = sum(account["loss"] for account in first) / coming["arr_lost"]["value"]
        yield f"Begin with {names}: {percent(share)} of the ARR expected to be lost by {coming['until']} is theirs."
    gain = summary["profit"]["model"]
    if "best" not in gain:
        return
    earned = gain["at_capacity"]
    each = f"{money(earned['value'], currency)} for each account scored, in the band or not"
    ends = interval_text(earned, lambda amount: money(amount, currency))
    pays = f"at your costs an approach pays from a probability of about {percent(gain['break_even'])}"
    if earned["low"] > 0:
        best = money(gain["best"]["value"], currency)
        most = f"the riskiest {percent(gain['best_share'])} would have earned most ({best})"
        yield f"Work through the red band: that would have earned {each} ({ends}); {most}, and {pays}."
    elif earned["high"] < 0:
        yield f"Do not approach the whole red band: it would have cost {each} ({ends}); {pays}."
    else:
        yield f"Whether the whole red band pays is not sure ({ends} for each account scored); {pays}."


def _groups(summary: Summary) -> Iterator[str]:
    worst = _least_kept(summary)
    if worst is not None:
        yield worst
    for name, title in (("lifecycle_stage", "stage"), ("segment", "segment")):
        under = [
            group
            for group in summary["groups"][name]
            if group["mean_p"] < group["happened"]["low"]
            and group["churned_accounts"] >= summary["min_churned_accounts"]
        ]
        for group in sorted(under, key=lambda group: group["mean_p"] - group["happened"]["value"])[:MOST_GROUPS]:
            predicted, happened = percent(group["mean_p"]), group["happened"]
            yield (
                f"Look harder at {title} {_named(group['group'])} than the model tells you to: {predicted} was"
                f" predicted, {percent(happened['value'])} left ({interval_text(happened, percent)})."
            )
    left = summary["surprises"]["left"]
    for name, of_surprise in (
        ("lifecycle_stage", [surprise["lifecycle_stage"] for surprise in left]),
        ("segment", [surprise["segment"] for surprise in left]),
    ):
        rows = {group["group"]: group["rows"] for group in summary["groups"][name]}
        for label in dict.fromkeys(label for label in of_surprise if label is not None):
            missed = of_surprise.count(label)
            usual = rows[label] / summary["scope"]["rows"] if label in rows else 1.0
            if missed >= 5 and missed / len(left) >= 2 * usual:
                yield (
                    f"{missed} of the {len(left)} largest surprises were in {_named(label)}, which is"
                    f" {percent(usual)} of the scorings: ask its CSMs what they knew."
                )


def _least_kept(summary: Summary) -> str | None:
    retained = summary["revenue"].get("retention", {}).get("year", {})
    overall = retained.get("all", [])
    if not overall or "value" not in overall[0]["gross"]:
        return None
    all_kept = overall[0]["gross"]["value"]
    behind = [line for line in retained.get("segment", []) if line["gross"].get("high", 1.0) < all_kept]
    if not behind:
        return None
    least = min(behind, key=lambda line: line["gross"]["value"])
    return (
        f"Segment {_named(least['group'])} keeps least: {percent(least['gross']['value'])} of its ARR over"
        f" {least['period']}, against {percent(all_kept)} of all."
    )


def _model(summary: Summary) -> Iterator[str]:
    at = main_horizon(summary)
    if summary["has_signal"] is False:
        yield (
            "Do not call accounts by these probabilities: nothing that was mapped tells who leaves. Map tables that say"
            " more of what customers do, or wait for more churns."
        )
    against = [pair for pair in summary["comparisons"] if pair["days"] == summary["main_horizon_days"]]
    if any(pair["verdict"] == "worse" for pair in against):
        names = ", ".join(pair["title"] for pair in against if pair["verdict"] == "worse")
        yield f"Go by {names} until the model is at least as good, and find out what changed."
    spread = spread_word(at["calibration_slope"])
    if spread:
        slope = decimal(at["calibration_slope"]["value"])
        lean = (
            "the riskiest accounts leave more often than is said, the safest less"
            if spread == "too timid"
            else "the riskiest accounts leave less often than is said, the safest more"
        )
        yield (
            f"Read the probabilities with care: they are {spread} (slope {slope}), so {lean}; the order of accounts is"
            " not touched by it. `forewarn train --recalibrate` renews the calibration."
        )
    for difference in summary["fairness"]["differs"]:
        value, rest = difference["value"]["value"], difference["rest"]["value"]
        if difference["figure"] == "recall" and value < rest:
            yield (
                f"Of the accounts of {_named(difference['group'])} that left only {percent(value)} were in the red"
                f" band, of the others {percent(rest)}: give them places of their own."
            )


def _data(summary: Summary) -> Iterator[str]:
    if summary["coverage"]:
        newest = summary["coverage"][-1]
        for name, share in newest.items():
            if name not in ("quarter", "rows", "coverage") and share < THIN_COVERAGE:
                yield f"Bring more data on {name}: in {newest['quarter']} only {percent(share)} of scorings had any."
    unknown = summary["arr"].get("unknown_share", 0)
    if unknown > 0:
        yield f"Fill in the ARR of the {percent(unknown)} of scored accounts that have none."
    without = summary["scope"].get("without_signal_rows", 0)
    if without:
        yield f"{without:,} scorings were made without a usable signal: find out which source tables were missing."
    for line in summary["refused"]:
        if line["figure"] in WANTED:
            yield f"To see the {line['figure']}, bring what it lacks: {line['why']}."


def _named(group: object) -> str:
    return str(group).replace("_", " ")
