"""What was known of which account on which day: as_ofs, visibility, outages, episodes, snapshots."""

from features.timeline.as_of_dates import calendar_days, check_as_ofs
from features.timeline.asof_join import MOMENT, among, asof_join, of_accounts
from features.timeline.contract_cover import contract_cover, covered, known_cover, under_contract
from features.timeline.episodes import (
    churns_and_returns,
    customer_spells,
    lasting_events,
    spells_between_silences,
)
from features.timeline.outages import (
    EXPECTED_ROWS,
    LOW_SHARE,
    MIN_ROWS,
    WEEKS,
    Outage,
    daily_totals,
    feed_outages,
    outages,
    outages_by_feed,
)
from features.timeline.readers import activity, churn_rows, contract_rows, spans
from features.timeline.snapshots import snapshots
from features.timeline.visibility import (
    DAY_SECONDS,
    SUPERSEDED,
    TIME,
    days_between,
    first_known,
    first_visible,
    is_known,
    last_blind_day,
    ratio,
    seen_at,
    seen_rows,
    visible_from,
)

__all__ = [
    "DAY_SECONDS",
    "EXPECTED_ROWS",
    "LOW_SHARE",
    "MIN_ROWS",
    "MOMENT",
    "SUPERSEDED",
    "TIME",
    "WEEKS",
    "Outage",
    "activity",
    "among",
    "asof_join",
    "calendar_days",
    "check_as_ofs",
    "churn_rows",
    "churns_and_returns",
    "contract_cover",
    "contract_rows",
    "covered",
    "customer_spells",
    "daily_totals",
    "days_between",
    "feed_outages",
    "first_known",
    "first_visible",
    "is_known",
    "known_cover",
    "last_blind_day",
    "lasting_events",
    "of_accounts",
    "outages",
    "outages_by_feed",
    "ratio",
    "seen_at",
    "seen_rows",
    "snapshots",
    "spans",
    "spells_between_silences",
    "under_contract",
    "visible_from",
]
