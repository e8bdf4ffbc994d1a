"""Health scores of other platforms as baselines: what they said of each account by then, on the backtest's rows."""

from __future__ import annotations

import pandas as pd

STALE_DAYS = 92  # a score that nobody renewed for a quarter says nothing of today
UNNAMED = "their health score"


def other_scores(scores: pd.DataFrame, predictions: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """Rows of baselines for each platform, and the rules on the same rows, so that all are judged on one set.

    A score counts at an as_of where it was given before it, was known by it, and is at most STALE_DAYS old.

    Parameters
    ----------
    scores : pd.DataFrame
        account_id, scored_at and score (higher is healthier), with platform and recorded_at where they are known.
    predictions : pd.DataFrame
        account_id, as_of and fold of the backtest.
    baselines : pd.DataFrame
        As `Backtest.baselines`; the rules among them.

    Returns
    -------
    pd.DataFrame
        account_id, as_of, fold, model (the platform; `rules where <platform>`) and score, which rises with risk.

    Examples
    --------
    >>> day = pd.Timestamp
    >>> scores = pd.DataFrame({"account_id": ["a"], "scored_at": [day("2024-01-05")], "score": [70.0]})
    >>> rows = pd.DataFrame({"account_id": ["a", "a"], "as_of": [day("2024-01-05"), day("2024-02-01")], "fold": "f"})
    >>> found = other_scores(scores, rows, pd.DataFrame(columns=["account_id", "as_of", "model"]))
    >>> found[["as_of", "model", "score"]].values.tolist()
    [[Timestamp('2024-02-01 00:00:00'), 'their health score', -70.0]]
    """
    platforms = scores["platform"].fillna(UNNAMED) if "platform" in scores else pd.Series(UNNAMED, scores.index)
    known = scores["scored_at"] + pd.Timedelta(microseconds=1)  # before an as_of: not at its midnight
    if "recorded_at" in scores:
        known = known.where(scores["recorded_at"].isna() | (scores["recorded_at"] < known), scores["recorded_at"])
    given = scores.assign(known=known.dt.as_unit("us")).sort_values(["known", "scored_at"])
    keys = predictions[["account_id", "as_of", "fold"]].sort_values("as_of")
    keys = keys.assign(as_of=keys["as_of"].dt.as_unit("us"))
    rules = baselines[baselines["model"] == "rules"]
    parts = []
    for platform, rows in given.groupby(platforms):
        rows = rows[["account_id", "known", "scored_at", "score"]]
        newest = pd.merge_asof(keys, rows, left_on="as_of", right_on="known", by="account_id")
        fresh = newest[newest["as_of"] - newest["scored_at"] <= pd.Timedelta(days=STALE_DAYS)]
        theirs = fresh[["account_id", "as_of", "fold"]].assign(model=str(platform), score=-fresh["score"])
        same = rules.merge(theirs[["account_id", "as_of"]], on=["account_id", "as_of"])
        parts += [theirs, same.assign(model=f"rules where {platform}")]
    return pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else keys[:0]
