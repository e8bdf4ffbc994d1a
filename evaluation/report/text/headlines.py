"""The summary in words: sentences a leader can repeat, worked out from the figures and never kinder than they are."""

from __future__ import annotations

from evaluation.formatting import decimal, interval_text, money, percent, spread_word
from evaluation.metrics import TOO_GOOD_AUC
from evaluation.report.document import Comparison, HorizonFigures, Summary
from evaluation.report.text.at_stake import at_stake_sentence
from evaluation.report.text.opening import figures_of, no_signal_sentence, opening_sentences

CONTRACTS = "contracts"  # the baseline on contract columns only


def comparison_sentence(comparison: Comparison) -> str:
    """Whether the model ranks better than a baseline on the same rows; only an interval clear of 0 decides.

    Parameters
    ----------
    comparison : dict
        One of the summary's `comparisons`.

    Returns
    -------
    str
        A sentence with both AUCs and their difference, or why there is none.
    """
    title, verdict = comparison["title"], comparison["verdict"]
    if verdict == "refused":
        return f"The model is not compared with {title}: {comparison['refused']}."
    both, gap = figures_of(comparison)
    figures = f"{both}, {gap}"
    if verdict == "beats":
        return f"The model beats {title}: {figures}."
    if verdict == "worse":
        return f"The model does not beat {title} here, it does worse: {figures}."
    return f"The model does not beat {title} here; the difference is within chance: {figures}."


def main_horizon(summary: Summary) -> HorizonFigures:
    """The figures of a summary at the main horizon.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    dict
        One of its `horizons`.
    """
    return next(horizon for horizon in summary["horizons"] if horizon["days"] == summary["main_horizon_days"])


def calibration_sentence(summary: Summary) -> str:
    """Whether the probabilities can be taken at their word."""
    at = main_horizon(summary)
    if "refused" in at["ece"]:
        return f"Whether the probabilities are right cannot be said yet: {at['ece']['refused']}."
    predicted, happened = at["mean_p"], at["happened"]
    figures = f"{percent(predicted)} predicted on average, {percent(happened['value'])} happened"
    slope = at["calibration_slope"]
    spread = spread_word(slope)
    if predicted < happened["low"]:
        verdict = "The probabilities are too low"
    elif predicted > happened["high"]:
        verdict = "The probabilities are too high"
    elif spread:
        verdict = f"The probabilities are right on average but {spread}"
    elif at["ece"]["value"] > summary["ece_limit"]:
        verdict = "The probabilities are right on average but not one by one"
    else:
        verdict = "The probabilities can be taken at their word"
    tail = f", slope {decimal(slope['value'])} ({interval_text(slope)}; 1 is right)" if "value" in slope else ""
    return f"{verdict}: {figures}; one by one they are off by {100 * at['ece']['value']:.1f} points{tail}."


def capacity_sentence(summary: Summary) -> str | None:
    share, in_band = summary["capacity"]["share"], summary["capacity"]["model"]
    if "refused" in in_band:
        return None
    return (
        f"Working on the riskiest {percent(share)} of accounts reaches {percent(in_band['recall']['value'])} of those"
        f" that leave; of the accounts flagged, {percent(in_band['precision']['value'])} leave,"
        f" {in_band['lift']:.1f} times the average."
    )


def lead_sentence(summary: Summary) -> str | None:
    at = next((line for line in summary["lead_time"]["model"] if line["days"] == 90 and "share" in line), None)
    if at is None:
        return None
    return (
        f"At the last scoring 90 days or more before they left, {percent(at['share']['value'])} of the churned accounts"
        f" were in that band; chance alone gives {percent(at['chance'])}."
    )


def arr_sentence(summary: Summary) -> str:
    arr, currency = summary["arr"], summary["currency"]
    if "refused" in arr:
        return "No ARR is known, so nothing can be said in money."
    lost = f"ARR lost was {money(arr['realised'], currency)} where {money(arr['expected'], currency)} was expected"
    inside = "within" if arr["low"] <= arr["realised"] <= arr["high"] else "outside"
    return (
        f"{lost}, {inside} the range that chance leaves ({interval_text(arr, lambda amount: money(amount, currency))})."
    )


def headline_sentences(summary: Summary) -> list[str]:
    """The summary in a few sentences: what is at stake and what to do, what the model adds, whether it is right.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    list of str
        Two to ten; `at_stake_sentence` leads, and `opening_sentences` follow.
    """
    scope, days = summary["scope"], summary["main_horizon_days"]
    span = f"{scope['first_as_of']} to {scope['last_as_of']}"
    times = f"on {scope['as_ofs']} days from {span}, {scope['rows']:,} times in all"
    times = f"once, on {scope['first_as_of']}" if scope["as_ofs"] == 1 else times
    left = f"{scope['churned_accounts']:,} of them left within {days} days of a scoring"
    judged = f"{scope['accounts']:,} accounts were scored {times}; {left}."
    if scope["churned_accounts"] < summary["min_churned_accounts"]:
        few = f"only {scope['churned_accounts']} accounts left, and {summary['min_churned_accounts']} would do"
        too_few = f"That is too few to judge a model by: {few}. What can be counted is below."
        return [sentence for sentence in (no_signal_sentence(summary), judged, too_few) if sentence]
    rest = (calibration_sentence(summary), capacity_sentence(summary), lead_sentence(summary), arr_sentence(summary))
    at_stake = at_stake_sentence(summary)
    first = [at_stake] if at_stake else []
    return [*first, *opening_sentences(summary), judged, *(sentence for sentence in rest if sentence)]


def warning_sentences(summary: Summary) -> list[str]:
    """What a reader of the figures should not overlook.

    Parameters
    ----------
    summary : Summary, see evaluation.report.summary

    Returns
    -------
    list of str
        Empty when all is well.
    """
    at, warnings = main_horizon(summary), list[str]()
    if at["auc"].get("value", 0) >= TOO_GOOD_AUC:
        warnings.append(
            f"An AUC of {decimal(at['auc']['value'], 3)} is too good to be true:"
            " look for a signal that knows the outcome."
        )
    split = summary.get("random_split")
    if split and split["worth_saying"]:
        warnings.append(
            f"A random split of rows would promise {decimal(split['auc_gap'], 3)} of AUC that nobody gets: distrust"
            " figures that do not say how they were split."
        )
    without = summary["scope"].get("without_signal_rows", 0)
    if without and no_signal_sentence(summary) is None:
        warnings.append(
            f"{without:,} of {summary['scope']['rows']:,} scorings were made without a usable signal:"
            " they are the base rate of the account's stage."
        )
    pairs = [pair for pair in summary["comparisons"] if pair["days"] == summary["main_horizon_days"]]
    for index, pair in enumerate(pairs):
        is_headline = index == 0 or pair["baseline"] == CONTRACTS
        if pair["verdict"] in ("worse", "level") and not is_headline:
            warnings.append(pair["sentence"])
        gap = pair["log_loss"]["better_by"] if "log_loss" in pair else None
        if gap and gap["high"] < 0:
            warnings.append(f"The probabilities of {pair['title']} are better than the model's (log loss).")
        if 0 < pair["rows"] < pair["all_rows"]:
            missing = percent(1 - pair["rows"] / pair["all_rows"])
            warnings.append(
                f"{missing} of the rows have no prediction of {pair['title']}, and are left out of that comparison."
            )
    limits = summary["slope_limits"]
    slope, ece = at["calibration_slope"], at["ece"]
    if "value" in slope and not limits[0] <= slope["value"] <= limits[1]:
        way = "too extreme" if slope["value"] < 1 else "too timid"
        limit = f"beyond the limits of {decimal(limits[0])} to {decimal(limits[1])}"
        warnings.append(f"The calibration slope is {decimal(slope['value'])}, {limit}: the probabilities are {way}.")
    if "value" in ece and ece["value"] > summary["ece_limit"]:
        warnings.append(
            f"The calibration error, {decimal(ece['value'], 3)}, exceeds the limit of"
            f" {decimal(summary['ece_limit'], 3)}."
        )
    unknown = summary["arr"].get("unknown_share", 0)
    if unknown > 0:
        warnings.append(
            f"The ARR of {percent(unknown)} of the scored accounts is unknown; figures in money leave them out."
        )
    return warnings
