"""Accounts that are one and the same under two spellings, and those that are not."""

from __future__ import annotations

import pytest

from evaluation.validity.check_rows import plain


@pytest.mark.parametrize(("one", "other", "same"), [
    ("ACC-0017", "ACC 17", True), ("acc_17", "acc17", True), ("\uff21\uff23\uff23-17", "ACC-17", True),
    ("ACC-17", "acc-17", False), ("0015e00000AbCdE", "0015e00000aBcDe", False),
    ("1-23", "12-3", False), ("acc-17", "acc-170", False), ("a-0", "a-00", True), ("a", "b", False),
])  # fmt: skip
def test_spellings(one: str, other: str, same: bool) -> None:
    assert (plain(one) == plain(other)) is same
