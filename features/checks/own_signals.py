"""The point-in-time law for a project's own signals: nothing that came later may change a value.

Each is worked out twice: for several as_ofs at once from all the data, as in training, and for each as_of alone from
the data as they stood on that day, as in scoring. A signal that differs has read what was not known yet (or averages
over as_ofs, which a score of one day cannot repeat).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.signals import own_signals
from features.sources import Sources, known_at
from features.timeline import calendar_days

AS_OFS = 4  # days on which the law is tried: the project's own, spread over all but its first quarter
TOLERANCE = 1e-7  # relative: sums of floats differ in their last bits with the order of the rows


@dataclass(frozen=True)
class LeakingSignal:
    """An own signal that breaks the law: on `as_of` it differs for `differing` of `accounts`, `account` among them.

    Attributes
    ----------
    name, as_of, account : str
        The signal, the first day on which it differs, and one account.
    differing, accounts : int
        How many accounts differ on that day, of how many.
    from_all, from_known : str
        The account's value from all the data, and from what was known by the as_of.
    """

    name: str
    as_of: str
    account: str
    differing: int
    accounts: int
    from_all: str
    from_known: str

    def __str__(self) -> str:
        return (
            f"on {self.as_of} it differs for {self.differing} of {self.accounts} accounts when worked out from what was"
            f" known by then (account {self.account}: {self.from_known}, from all the data {self.from_all})"
        )


@dataclass(frozen=True)
class OwnSignals:
    """The signals that the project defines itself, and which of them read the future.

    Attributes
    ----------
    names : tuple of str
        All of them, as registered.
    built : tuple of str
        Those whose tables and columns are there.
    leaking : tuple of LeakingSignal
        Those that read what came later.
    """

    names: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    leaking: tuple[LeakingSignal, ...] = ()


def check_own_signals(settings: Settings, sources: Sources) -> OwnSignals:
    """Tries the point-in-time law on the project's own signals.

    Parameters
    ----------
    settings : Settings
        `signals` names their file; without it nothing is worked out.
    sources : Sources
        The project's tables.

    Returns
    -------
    OwnSignals

    Raises
    ------
    ConfigError
        When the file, or the value of a signal, has a fault.
    """
    names = tuple(signal.name for signal in own_signals(settings))
    if not names:
        return OwnSignals()
    from features.assembly import assemble  # a third of the time that `check` takes to start, and few need it

    days = calendar_days(sources, settings)
    days = days[np.unique(np.linspace(len(days) // 4, len(days) - 1, AS_OFS).round().astype(int))]
    from_all, schema = assemble(sources, settings, days)
    built = tuple(name for name in names if name in schema.names)
    leaking: dict[str, LeakingSignal] = {}
    for day in days:
        known, _ = assemble(known_at(sources, day), settings, pd.DatetimeIndex([day]))
        together = from_all[from_all.as_of == day].set_index("account_id")
        alone = known.set_index("account_id").reindex(together.index)
        for name in built:
            differs = _differs(together[name], alone[name])
            if differs.any() and name not in leaking:
                account = together.index[differs][0]
                values = [str(frame.loc[account, name]) for frame in (together, alone)]
                counts = int(differs.sum()), len(together)
                leaking[name] = LeakingSignal(name, f"{day:%Y-%m-%d}", str(account), *counts, *values)
    return OwnSignals(names, built, tuple(leaking.values()))


def _differs(left: pd.Series, right: pd.Series) -> np.ndarray:
    """(n,) bool: values that differ by more than rounding; missing equals missing."""
    if pd.api.types.is_numeric_dtype(left):
        a, b = left.to_numpy(dtype="float64"), right.to_numpy(dtype="float64")
        return np.asarray(~np.isclose(a, b, rtol=TOLERANCE, atol=0.0, equal_nan=True))
    texts = [column.astype(object).where(column.notna(), None).to_numpy() for column in (left, right)]
    return np.asarray(texts[0] != texts[1], dtype=bool)
