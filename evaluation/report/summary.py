"""Everything a report shows, computed once: judged predictions in, one JSON-able dict out. Nothing is drawn or printed.

The judged rows come from the backtest or from the ledger joined to outcomes, and this code cannot tell which. Intervals
are over accounts: a bootstrap, or of a share Wilson's. A figure that the rows cannot support stands in the dict as
{"refused": why} and, unless it is one line of fairness, triggers or revenue, in the list `refused`.
"""

from __future__ import annotations

import graphlib
from typing import cast

from configs.json_object import JsonObject
from configs.settings import Settings
from evaluation.jsonable import to_jsonable
from evaluation.report.document import Summary
from evaluation.report.sections import SECTIONS, ReportContext, ReportInputs, check_judged


def summarise(inputs: ReportInputs, settings: Settings) -> Summary:
    """Computes every figure of a report, section by section.

    Parameters
    ----------
    inputs : ReportInputs
        Judged predictions, and what is known beside them.
    settings : Settings
        The project's settings: horizons, framework, `evaluation`.

    Returns
    -------
    Summary
        The figures of each of SECTIONS by their keys, in its order, and `refused`: the figures that the rows could not
        support. `json.dumps(..., allow_nan=False)` takes it.

    Raises
    ------
    DataError
        A column is missing, an account is judged twice on one day, or no window of the main horizon has passed.
    """
    check_judged(inputs.judged, settings, need_reasons=inputs.reasons is None)
    context = ReportContext(inputs, settings)
    sections = {section.key: section for section in SECTIONS}
    by_section: dict[str, JsonObject] = {}
    for key in graphlib.TopologicalSorter({key: section.needs for key, section in sections.items()}).static_order():
        compute = sections[key].figures
        by_section[key] = {} if compute is None else to_jsonable(compute(context))
        context.add_figures(by_section[key])
    in_order = {name: figure for key in sections for name, figure in by_section[key].items()}
    return cast("Summary", {**in_order, "refused": to_jsonable(context.refused)})
