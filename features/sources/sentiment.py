"""The tone of texts (-1 to 1), for rows of tickets and interactions that come with a text and without a sentiment.

Off by default. `sentiment: textblob` scores English texts by TextBlob's lexicon, which ships inside the package
(`pip install 'forewarn[sentiment]'`); nothing is downloaded, and nothing leaves the machine. A word list knows neither
irony nor your product's jargon: map a `sentiment` of your own where you have one, which is then kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault, SourceError
from features.sources.backends import Engine

TABLES = ("tickets", "interactions")


def scores(texts: Iterable[str]) -> list[float]:
    """Tone of each text, -1 to 1; SourceError when the library is not installed."""
    try:
        from textblob import TextBlob
    except ImportError:
        found = "sentiment: textblob, which is not installed"
        do = "pip install 'forewarn[sentiment]', or set sentiment: \"off\""
        raise SourceError(Fault("sentiment", found, "the package textblob", do)) from None
    return [float(TextBlob(text).sentiment.polarity) for text in texts]


def with_sentiment(engine: Engine, tables: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
    """The tables, with `sentiment` filled in from `text` where none was given."""
    out = dict(tables)
    for name in TABLES:
        if name not in out or "text" not in out[name].columns:
            continue
        rows = out[name]
        texts = engine.to_pandas(rows.filter(rows.text.notnull()).select("text").distinct()).text
        scored = pd.DataFrame({"scored_text": texts.astype(object), "scored_sentiment": scores(texts)})
        uploaded = engine.upload(f"forewarn_tone_{name}", scored)
        joined = rows.left_join(uploaded, rows.text == uploaded.scored_text)
        given = joined.sentiment if "sentiment" in rows.columns else ibis.null("float64")
        joined = joined.mutate(sentiment=ibis.coalesce(given, joined.scored_sentiment))
        out[name] = joined.select(*dict.fromkeys([*rows.columns, "sentiment"]))
    return out
