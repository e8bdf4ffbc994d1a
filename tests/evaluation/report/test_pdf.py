"""The report as PDF: through the Chromium of the machine, whole or not at all, and what is said without one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from configs.errors import UsageError
from evaluation.report.pdf import chromium, print_pdf, require_chromium
from serving.commands.machine import doctor

needs_browser = pytest.mark.skipif(chromium() is None, reason="no chromium on this machine")
PAGE = "<!doctype html><title>one</title><p id=p>waiting</p><script>setTimeout(() => {{ {late} }}, 3000)</script>"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH without any Chromium."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, body: str) -> None:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@needs_browser
def test_what_a_page_draws_late_is_printed(tmp_path: Path) -> None:
    sizes = {}
    for name, late in (("now", ""), ("late", "document.body.innerHTML = 'grown '.repeat(20000)")):
        html = tmp_path / f"{name}.html"
        html.write_text(PAGE.format(late=late))
        pdf = print_pdf(html)
        assert pdf == html.with_suffix(".pdf")
        assert pdf.read_bytes().startswith(b"%PDF")
        sizes[name] = pdf.stat().st_size
    assert sizes["late"] > 2 * sizes["now"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late.html", "late.pdf", "now.html", "now.pdf"]


def test_without_chromium_it_says_how_to_get_it(nowhere: Path) -> None:
    with pytest.raises(UsageError, match="apt-get install chromium"):
        require_chromium()
    with pytest.raises(UsageError, match="Chromium on the PATH"):
        print_pdf(nowhere / "report.html")
    result = next(
        requirement for requirement in doctor(nowhere / "none.yaml").requirements if requirement.name == "chromium"
    )
    assert (result.is_present, "report --pdf" in result.description) == (False, True)


@pytest.mark.parametrize(
    ("body", "match"),
    [("echo 'no display' >&2; exit 3", "no display"), ("exit 0", "found nothing")],
    ids=["it fails", "it prints nothing"],
)
def test_a_chromium_that_fails_leaves_the_old_page(nowhere: Path, body: str, match: str) -> None:
    program(nowhere, body)
    html, pdf = nowhere / "report.html", nowhere / "report.pdf"
    html.write_text("<p>")
    pdf.write_bytes(b"%PDF of yesterday")
    with pytest.raises(UsageError, match=match):
        print_pdf(html)
    assert pdf.read_bytes() == b"%PDF of yesterday"
    assert sorted(path.name for path in nowhere.iterdir()) == ["chromium", "report.html", "report.pdf"]
