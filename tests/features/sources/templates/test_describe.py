"""A page of docs/sources says what its template does, and each system has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.sources.templates import SYSTEMS
from features.sources.templates.describe import page

PAGES = Path(__file__).resolve().parents[4] / "docs" / "sources"


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_page_is_made_from_the_template(name: str) -> None:
    assert (PAGES / f"{name}.md").read_text(encoding="utf-8") == page(name), (
        "python -m features.sources.templates.describe docs/sources"
    )


def test_there_are_no_other_pages() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(SYSTEMS)


def test_a_page_names_what_is_left_out() -> None:
    stripe = page("stripe")
    assert "`terminated_at`" in stripe
    assert "livemode false" in stripe
    assert "| price? |" in stripe
