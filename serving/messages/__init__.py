"""What the API takes and answers, one model a message; nothing here works out a score."""

from serving.messages.problems import Problem, ProblemFault, faults_of, problem, problem_of
from serving.messages.scores import (
    AccountError,
    AccountReasons,
    DataAge,
    Entry,
    LedgerReference,
    LevelInForce,
    NextAction,
    Prediction,
    Reasons,
    ScoreAnswer,
    ScoreRequest,
    SignalReason,
    group_reasons,
)
from serving.messages.status import Readiness, Refusal, Status

__all__ = [
    "AccountError",
    "AccountReasons",
    "DataAge",
    "Entry",
    "LedgerReference",
    "LevelInForce",
    "NextAction",
    "Prediction",
    "Problem",
    "ProblemFault",
    "Readiness",
    "Reasons",
    "Refusal",
    "ScoreAnswer",
    "ScoreRequest",
    "SignalReason",
    "Status",
    "faults_of",
    "group_reasons",
    "problem",
    "problem_of",
]
