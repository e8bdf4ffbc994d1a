"""Days given by hand: none at all, days ahead of the data and moments within a day are refused, all at once."""

from __future__ import annotations

import pandas as pd
import pytest

from configs.errors import DataError
from features.timeline.as_of_dates import check_as_ofs

END = pd.Timestamp("2024-02-01")


def test_days_up_to_the_end_of_the_data_are_valid() -> None:
    check_as_ofs(pd.DatetimeIndex(["2024-01-01", END]), END)


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ([], ["as_of: found none; expected at least one UTC midnight"]),
        (["2024-02-02", "2024-01-05 10:00"], ["2024-02-02", "2024-01-05 10:00:00; expected a UTC midnight"]),
    ],
)
def test_other_days_are_refused(days: list[str], says: list[str]) -> None:
    with pytest.raises(DataError) as refused:
        check_as_ofs(pd.DatetimeIndex(pd.to_datetime(days, format="ISO8601")), END)
    assert len(refused.value.faults) == len(says)
    assert all(part in str(fault) for part, fault in zip(says, refused.value.faults, strict=True))
