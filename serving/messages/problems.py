"""What an error looks like to a caller: RFC 9457 problem details, with every fault of the request at once."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, Field

from configs.errors import ForewarnError


class ProblemFault(BaseModel):
    """One thing that is wrong with a request: where, what was found, what was expected, what to do."""

    where: str
    found: str
    expected: str
    do: str


class Problem(BaseModel):
    """RFC 9457 problem details, with our faults as the extension member `faults`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    faults: list[ProblemFault] = Field(default_factory=list)


def problem(status: int, detail: str, faults: tuple[ProblemFault, ...] = ()) -> Problem:
    """Problem details with the status' own phrase as the title.

    Parameters
    ----------
    status : int
        Of HTTP.
    detail : str
        What was wrong, in words.
    faults : tuple of ProblemFault
        Each of them, where there are several.

    Returns
    -------
    Problem

    Examples
    --------
    >>> problem(403, "no").title
    'Forbidden'
    """
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, faults=list(faults))


def problem_of(error: ForewarnError, status: int = 422) -> Problem:
    """What an error raised on purpose looks like to a caller: its faults, none of its traceback.

    Parameters
    ----------
    error : ForewarnError
    status : int

    Returns
    -------
    Problem
    """
    return problem(status, error.title, faults_of(error))


def faults_of(error: ForewarnError) -> tuple[ProblemFault, ...]:
    """The faults of an error raised on purpose.

    Parameters
    ----------
    error : ForewarnError

    Returns
    -------
    tuple of ProblemFault
    """
    return tuple(ProblemFault(where=f.where, found=f.found, expected=f.expected, do=f.do) for f in error.faults)
