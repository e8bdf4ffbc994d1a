"""Pages for people: signing in, what every page has around it, and the pages themselves (`views`), with their charts.

A page is a `Route` like any other, opened by a session. A view's handler gathers plain values into a frozen dataclass,
already in words, and `render` puts it into a template, which holds loops and ifs and nothing else.
"""

from serving.pages.refusals import refused
from serving.pages.views import PAGES

__all__ = ["PAGES", "refused"]
