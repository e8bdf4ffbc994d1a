"""Checks of rows: whether each stands once, for one account, and whether there are enough of both kinds."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

from evaluation.validity.evidence import KEY, Detection, Evidence


def doubled(evidence: Evidence) -> Detection | None:
    tables = {
        "signals": evidence.signals[KEY],
        "labels": evidence.labels[KEY],
        "predictions": evidence.predictions[KEY],
    }
    tables |= {f"baselines ({name})": part[KEY] for name, part in evidence.baselines.groupby("model")}
    counts = {name: int(rows.duplicated().sum()) for name, rows in tables.items()}
    repeated = {name: count for name, count in counts.items() if count}
    if not repeated:
        return None
    first = next(iter(repeated))
    row = tables[first][tables[first].duplicated()].iloc[0]
    return Detection(
        float(sum(repeated.values())),
        f"{', '.join(f'{count} in {name}' for name, count in repeated.items())}: for instance {row.account_id} as of"
        f" {row.as_of:%Y-%m-%d} stands twice",
    )


def plain(account_id: str) -> str:
    """An id without what people spell in different ways: width, separators, zeros in front of a number. Case is kept:
    ids that differ by it alone are of two accounts in some systems (Salesforce).

    >>> plain("ACC-0017") == plain("ACC 17") == plain("ACC_017")
    True
    >>> plain("0015e00000AbCdE") == plain("0015e00000aBcDe")
    False
    >>> plain("1-23") == plain("12-3")
    False
    """
    text = unicodedata.normalize("NFKC", account_id)
    parts = re.findall(r"[^\W\d_]+|\d+", text)
    return "-".join(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)


def spelt_twice(evidence: Evidence) -> Detection | None:
    ids = pd.Series(sorted(set(evidence.labels["account_id"].astype(str))))
    groups = ids.groupby(ids.map(plain)).agg(list)
    ambiguous = [names for names in groups if len(names) > 1]
    if not ambiguous:
        return None
    return Detection(
        float(len(ambiguous)),
        f"{len(ambiguous)} accounts seem to stand under several ids, for instance {' and '.join(ambiguous[0])}:"
        " one of them may teach what the other is tested on",
    )


def in_both(evidence: Evidence) -> Detection | None:
    """Accounts of the tested rows that had been looked at before their fold's origin."""
    first = evidence.labels.groupby("account_id")["as_of"].min()
    rows = evidence.predictions[["account_id", "fold"]].drop_duplicates()
    known = (first.reindex(rows["account_id"]).to_numpy() < pd.to_datetime(rows["fold"]).to_numpy()).astype(bool)
    shared, every = rows.loc[known, "account_id"].nunique(), rows["account_id"].nunique()
    if not shared:
        return None
    return Detection(
        shared / every,
        f"{shared} of {every} tested accounts stood in the training time already; with rolling origins that is"
        " meant, since the same accounts are scored again and again, but the figures are those of known customers",
    )


def few_churns(evidence: Evidence) -> Detection | None:
    rows, needed = evidence.judged(), evidence.settings.training.min_churns
    churned = rows.loc[rows["y"] == 1, "account_id"].nunique()
    if churned >= needed:
        return None
    return Detection(
        float(churned),
        f"{churned} accounts churned within {evidence.settings.main_horizon_days} days of a tested prediction, {needed}"
        " are asked for (training.min_churns): every figure has a wide interval",
    )


def one_class(evidence: Evidence) -> Detection | None:
    rows = evidence.judged()
    kinds = rows.groupby("fold")["y"].agg(["nunique", "size"])
    tested = list(kinds.index[kinds["nunique"] < 2])
    taught = [f"{fold.origin:%Y-%m-%d}" for fold in evidence.taught if not 0 < fold.churned < fold.windows]
    if not tested and not taught:
        return None
    parts = [f"tested on one outcome only: {', '.join(tested)}"] if tested else []
    parts += [f"taught by one outcome only: {', '.join(taught)}"] if taught else []
    return Detection(
        float(len({*tested, *taught})),
        f"folds {'; '.join(parts)}; they show nothing of how well accounts are ranked",
    )
