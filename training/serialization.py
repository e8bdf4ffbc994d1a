"""A model's JSON files: one format number, read with every fault named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from configs.errors import DataError, Fault
from configs.json_object import JsonObject

FORMAT = 9


class OtherFormat(DataError):
    """A model that another version of forewarn saved, in a format that this one does not read."""


def write_json(path: Path, body: JsonObject) -> None:
    """Numbers that JSON does not have are refused (ValueError), so that every reader can read the file."""
    text = json.dumps({"format": FORMAT, **body}, indent=1, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8")


def read_json(path: Path) -> JsonObject:
    """A model's JSON file; DataError when it is missing or no JSON, OtherFormat when it is of another format."""
    if not path.is_file():
        raise DataError(Fault(str(path), "no such file", "a saved model", "train and log a model first"))
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(Fault(str(path), str(error), "the JSON of a saved model", "log the model again")) from None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        format_read = body.get("format") if isinstance(body, dict) else type(body).__name__
        fault = Fault(str(path), f"format {format_read}", f"format {FORMAT}", "train again with this version")
        raise (OtherFormat if isinstance(format_read, int) else DataError)(fault)
    return body


@contextmanager
def fields_of(path: Path) -> Iterator[None]:
    """What does not find in the file's fields what it expects is refused in words: DataError."""
    try:
        yield
    except DataError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        lacking = f"no field {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(
            Fault(str(path), lacking, f"the fields of format {FORMAT}", "train again with this version")
        ) from error
