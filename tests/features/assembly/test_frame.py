"""The columns of a frame while it is worked out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.assembly.frame import Columns


def test_numbers_lie_together_and_keep_the_order_in_which_they_came() -> None:
    t = Columns({"account_id": pd.Series(list("abc")), "hidden": pd.Series([1, 2, 3])})
    many = [f"n{number}" for number in range(Columns.BLOCK + 3)]  # more than one block of them
    for number, name in enumerate(many):
        room = t.numbers(name)
        assert np.isnan(room).all()
        room[:] = number
        if number == 1:
            t["text"] = pd.Series(["x", "y", "z"])
    assert t.numbers("n1") is t.numbers("n1")
    t.numbers("n1")[2] = -1.0
    assert t.n1.tolist() == [1.0, 1.0, -1.0]
    frame = t.first(2, ("hidden",))
    assert frame.columns.tolist() == ["account_id", "n0", "n1", "text", *many[2:]]
    assert frame.text.tolist() == ["x", "y"]
    assert frame[many].iloc[1].tolist() == list(map(float, range(len(many))))
    assert np.shares_memory(frame["n5"].to_numpy(), t.numbers("n5"))
