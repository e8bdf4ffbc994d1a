from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from configs.errors import UsageError
from configs.settings import Settings
from training.tracking.registry import connected


def test_without_mlflow_it_says_so(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bento has none: it reads a registry in the project's own folder by itself."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    tables = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
    with pytest.raises(UsageError, match="mlflow: found it is not installed"), connected(make_settings(tables=tables)):
        pass
