"""A synthetic company with known probabilities of churn, in the canonical tables."""

from features.synthetic.calendar import Calendar
from features.synthetic.company import END, MONTHS, Company, company_config, make_company
from features.synthetic.scenario import Story, reweighted

__all__ = ["END", "MONTHS", "Calendar", "Company", "Story", "company_config", "make_company", "reweighted"]
