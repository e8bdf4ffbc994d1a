"""The body of a JSON object: what is about to be written, or was just read and is not yet checked.

Between modules go frozen dataclasses (or, of report.json, the types of evaluation/report/document); this stands only at
the edge, where text is made of them or they of text.
"""

from __future__ import annotations

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
