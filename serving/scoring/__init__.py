"""From account ids to predictions that stand in the ledger, and to a day's answers that are ready to be sent."""

from serving.scoring.champion_probe import Probed, probe_champion
from serving.scoring.live_signals import check_model, check_schema
from serving.scoring.prepare import prepare, prepare_day
from serving.scoring.scorer import Scorer

__all__ = ["Probed", "Scorer", "check_model", "check_schema", "prepare", "prepare_day", "probe_champion"]
