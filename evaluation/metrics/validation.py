"""What every metric asks of its input, and the refusal where the data cannot support a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from configs.errors import DataError, Fault

Array = npt.NDArray[Any]


class MetricRefused(DataError):
    """A figure that these rows cannot support: `metric` its name, `found` how many there are, `needed` how many do."""

    title = "a figure was refused"

    def __init__(self, metric: str, what: str, found: int, needed: int) -> None:
        self.metric, self.what, self.found, self.needed = metric, what, found, needed
        super().__init__(
            Fault(metric, f"{found} {what}", f"at least {needed}", "wait for more, or judge a wider group")
        )

    @property
    def why(self) -> str:
        """The refusal as half a sentence: `3 churned accounts, at least 10 would do`."""
        return f"{self.found} {self.what}, at least {self.needed} would do"


@dataclass(frozen=True)
class Refusal:
    """What stands in the place of a figure that was refused.

    Attributes
    ----------
    refused : str
        Why, as half a sentence.
    """

    refused: str


def checked(metric: str, y: Array, p: Array, least: int = 1, probability: bool = True) -> tuple[Array, Array]:
    """Both as float arrays (n,); DataError for anything that is not an outcome and a prediction."""
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    faults = []
    if y.ndim != 1 or y.shape != p.shape:
        faults.append(Fault(metric, f"shapes {y.shape} and {p.shape}", "two arrays (n,)", "pass matching rows"))
    if not np.isin(y, (0.0, 1.0)).all():
        faults.append(Fault(f"{metric}: y", "values other than 0 and 1", "outcomes", "drop rows whose window is open"))
    if not np.isfinite(p).all() or (probability and p.size and (p.min() < 0 or p.max() > 1)):
        faults.append(Fault(f"{metric}: p", "values outside [0, 1]", "probabilities", "drop or fix these rows"))
    if faults:
        raise DataError(faults)
    churned = int(y.sum())
    for what, found in (("rows that churned", churned), ("rows that stayed", y.size - churned)):
        if found < least:
            raise MetricRefused(metric, what, found, least)
    return y, p
