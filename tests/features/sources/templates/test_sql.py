"""Every template's SQL can be read in every dialect, and selects only what its canonical table has."""

from __future__ import annotations

import pytest
import sqlglot

from configs.tables import table
from features.sources.templates import SYSTEMS, template
from features.sources.templates.landed import every_table
from features.sources.templates.sql import AccountIds, filled
from features.sources.templates.staging import DIALECTS

FILLS = [(name, fill.table) for name in SYSTEMS for fill in template(name).fills]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("name", "filled_table"), FILLS)
def test_it_parses_in_every_dialect(name: str, filled_table: str, dialect: str) -> None:
    system = template(name)
    fill = system.fill(filled_table)
    assert fill is not None
    for leads in (True, False):
        query = filled(system, fill, every_table(system), dialect, AccountIds(leads))
        assert query is not None
        tree = sqlglot.parse_one(query.sql, dialect=dialect)
        assert [select.alias_or_name for select in tree.selects] == list(query.columns)
        canonical = {*table(filled_table).column_names, *fill.attributes, *fill.measures}
        assert set(query.columns) <= canonical
        assert {column.name for column in table(filled_table).columns if column.required} <= set(query.columns)
