"""What the sources of the simulated company (tests/evaluation/simulated.py) would tell beside its predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.outcomes.company_facts import Facts


def facts(judged: pd.DataFrame) -> Facts:
    """Contracts that begin two years before the first as_of and end at the churn; one account in five expands by half.

    Value is reached after 60 to 158 days by nine accounts of ten; every third account was approached, and every tenth
    held out, in the summer of 2024. Regions are north and south.
    """
    last = judged.sort_values("as_of").drop_duplicates("account_id", keep="last").reset_index(drop=True)
    number = np.arange(len(last))
    created = judged["as_of"].min() - pd.Timedelta(days=730)
    accounts = pd.DataFrame({"account_id": last["account_id"], "created_at": created, "left_at": last["churn_at"]})
    accounts["created_at"] += pd.to_timedelta(number % 4 * 91, unit="D")
    accounts["segment"], accounts["owner"] = last["segment"].to_numpy(), last["owner"].to_numpy()
    accounts["region"] = np.where(number % 2, "north", "south")
    contracts = pd.DataFrame({"account_id": last["account_id"], "at": accounts["created_at"]})
    contracts["ends_at"], contracts["arr"] = last["churn_at"], last["arr"].to_numpy()
    more = contracts[number % 5 == 0].assign(arr=lambda rows: rows["arr"] / 2, at=pd.Timestamp("2024-06-15"))
    more = more[~(more["ends_at"] <= more["at"])]
    reached = pd.DataFrame({"account_id": last["account_id"], "at": accounts["created_at"]})
    reached["at"] += pd.to_timedelta(60 + number % 99, unit="D")
    done = pd.DataFrame({"account_id": last["account_id"], "started_at": pd.Timestamp("2024-06-01")})
    done["ended_at"], done["arm"] = pd.Timestamp("2024-08-01"), np.where(number % 3 == 0, "treated", "holdout")
    end = judged["as_of"].max() + pd.Timedelta(days=75)
    return Facts(
        accounts=accounts,
        regions=("region",),
        contracts=pd.concat([contracts, more], ignore_index=True),
        known_until=end - pd.Timedelta(days=30),
        reached=reached[number % 10 != 9],
        due_days=120,
        interventions=done[(number % 3 == 0) | (number % 10 == 1)],
        data_end=end,
    )
