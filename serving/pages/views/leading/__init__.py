"""The pages of leaders, scientists and admins."""

from serving.api import Route
from serving.pages.views.leading import leaders, scientist, status, weights

ROUTES: tuple[Route, ...] = (*leaders.ROUTES, *scientist.ROUTES, *weights.ROUTES, *status.ROUTES)

__all__ = ["ROUTES"]
