"""The lifecycle stage of each snapshot, worked out afresh at each as_of, and the criterion that decided it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.framework import Framework


def lifecycle_stages(frame: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """lifecycle_stage and stage_criterion (both text) for a frame with tenure_days and, where known, other signals.

    Renewal takes precedence, then expansion by utilisation (only from an account past adoption), then tenure.
    """
    by_tenure = sorted(
        (stage for stage in framework.stages if stage.from_tenure_days is not None),
        key=lambda stage: stage.from_tenure_days or 0,
    )
    stage = pd.Series(by_tenure[0].name, index=frame.index, dtype="str")
    criterion = pd.Series(f"tenure under {by_tenure[1].from_tenure_days} days", index=frame.index, dtype="str")
    for one in by_tenure[1:]:
        reached = frame.tenure_days >= one.from_tenure_days
        stage = stage.mask(reached, one.name)
        criterion = criterion.mask(reached, f"tenure of {one.from_tenure_days} days and more")
    names = {one.name for one in framework.stages}
    criteria = framework.criteria
    if "expansion" in names and "seats_used_share" in frame:
        full = (frame.seats_used_share >= criteria.utilisation_for_expansion) & (stage == by_tenure[-1].name)
        stage = stage.mask(full, "expansion")
        criterion = criterion.mask(full, f"utilisation of {criteria.utilisation_for_expansion:.0%} and more")
    if "renewal" in names and "days_to_renewal" in frame:
        near = frame.days_to_renewal.between(criteria.renewal_to_days, criteria.renewal_from_days)
        stage = stage.mask(near, "renewal")
        span = f"{criteria.renewal_from_days}-{criteria.renewal_to_days} days before the contract's end"
        criterion = criterion.mask(near, span)
    return pd.DataFrame({"lifecycle_stage": stage, "stage_criterion": criterion})


def weighted_coverage(frame: pd.DataFrame, framework: Framework) -> pd.Series:
    """Share (0-1) of the stage's weights that rests on data: coverage by dimension, weighted by the stage."""
    total = np.zeros(len(frame))
    for stage in framework.stages:
        rows = (frame.lifecycle_stage == stage.name).to_numpy()
        for dimension, weight in stage.weights.as_dict().items():
            total[rows] += frame[f"coverage_{dimension}"].to_numpy()[rows] * weight / 100
    return pd.Series(np.round(total, 10), index=frame.index)
