"""The pages, one file a page: each ends in a literal tuple ROUTES, and these are all of them.

Add one more: a frozen dataclass of what it shows, a pure function that fills it, a handler that gathers what that needs
and calls `render`, a template, an entry in the file's ROUTES with its roles, and a line in
`serving/pages/navigation.py` where it stands in the navigation.
"""

from serving.api import Route
from serving.pages import static_files
from serving.pages.views import account, day_tasks, journey, leading, my_day, portfolio, search, signing_in

PAGES: tuple[Route, ...] = (
    *static_files.ROUTES,
    *signing_in.ROUTES,
    *search.ROUTES,
    *account.ROUTES,
    *my_day.ROUTES,
    *day_tasks.ROUTES,
    *portfolio.ROUTES,
    *journey.ROUTES,
    *leading.ROUTES,
)

__all__ = ["PAGES"]
