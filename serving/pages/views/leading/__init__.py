"""The pages of leaders, scientists and admins."""

from serving.api import Route
from serving.pages.views.leading import leaders, scientist, status

ROUTES: tuple[Route, ...] = (*leaders.ROUTES, *scientist.ROUTES, *status.ROUTES)

__all__ = ["ROUTES"]
