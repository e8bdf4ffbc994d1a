"""Vega-Embed and what it needs as one script, made once for each version and kept in the state folder."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import vl_convert

from configs.atomic_files import write_text


@lru_cache(maxsize=2)
def vega_embed(cache: Path | None) -> str:
    """The script that draws the charts of a page, fit to stand inside a <script> element.

    To bundle it takes a second or two of processor time, a tenth of a whole report, and gives the same each time.

    Parameters
    ----------
    cache : Path or None
        Folder in which the script is kept, by the version of its packages; made if absent. None: bundled anew.

    Returns
    -------
    str
        JavaScript, about 0.9 MB, in which no element can end and no comment begin.
    """
    kept = None if cache is None else cache / f"vega-embed-{version('vl-convert-python')}.js"
    if kept is not None and kept.exists():
        return kept.read_text(encoding="utf-8")
    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    script = bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    if kept is not None:
        write_text(kept, script)
    return script
