"""What the rule-based alerts are worth: how often each trigger fires, and how many of those it fired on left."""

from __future__ import annotations

import json

import numpy as np

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.outcomes import trigger_values
from evaluation.report.sections.context import ReportContext


def trigger_figures(context: ReportContext) -> JsonObject:
    """triggers: one entry a trigger, any of them last; None where the predictions came without theirs."""
    rows = context.frames.rows
    if "triggers" not in context.inputs.judged:
        return {"triggers": None}
    texts = context.frames.judged["triggers"].loc[rows.index]
    codes, distinct = texts.fillna("[]").factorize()
    named = [frozenset(json.loads(text)) for text in distinct]
    fired = {
        trigger.name: np.array([trigger.name in names for names in named], dtype=bool)[codes]
        for trigger in context.settings.framework.triggers
    }
    return {"triggers": to_jsonable(trigger_values(fired, rows, context.evaluation.min_churned_accounts))}
