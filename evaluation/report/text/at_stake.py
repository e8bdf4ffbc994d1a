"""The first line for a leader: the ARR at risk and what to do about it, in words that need no statistics."""

from __future__ import annotations

from evaluation.formatting import interval_text, money, percent
from evaluation.report.document import Summary
from evaluation.report.text.opening import has_usable_signal

NAMED = 3


def at_stake_sentence(summary: Summary) -> str | None:
    """The ARR at risk, and whom to call first.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary.

    Returns
    -------
    str or None
        None where there is no forecast in money, or no signal that an account could be called by. Whom to call is not
        taken from a model that ranks worse than its first yardstick.
    """
    coming, currency = summary["revenue"]["forecast"], summary["currency"]
    if "refused" in coming or not coming["arr_lost"]["value"] > 0 or has_usable_signal(summary) is False:
        return None
    lost = coming["arr_lost"]
    ends = interval_text(lost, lambda amount: money(amount, currency))
    at_risk = (
        f"{money(lost['value'], currency)} of {money(coming['arr'], currency)} ARR is expected to be lost by"
        f" {coming['until']} ({ends})"
    )
    compared = [pair for pair in summary["comparisons"] if pair["days"] == summary["main_horizon_days"]]
    if compared and compared[0]["verdict"] == "worse":
        return f"{at_risk}: call accounts in the order of {compared[0]['title']}, which tell better who leaves."
    first = coming["first"][:NAMED]
    if not first:
        return f"{at_risk}."
    names = [account["account_id"] for account in first]
    called = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    share = percent(sum(account["loss"] for account in first) / lost["value"])
    return f"{at_risk}: call {called} first, {share} of it is theirs."
