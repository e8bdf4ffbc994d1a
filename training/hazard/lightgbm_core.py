"""LightGBM's training and prediction, without the scikit-learn classes that it also offers.

LightGBM imports scikit-learn, and with it SciPy's statistics, wherever that is installed, which takes longer than all
the rest of a command that scores; nothing here uses those classes.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import lightgbm
else:

    def _without_scikit_learn(name: str) -> Any:
        """Imports a module that can do without scikit-learn as if it were not installed, unless it is loaded anyway."""
        if name in sys.modules or "sklearn" in sys.modules:
            return importlib.import_module(name)
        sys.modules["sklearn"] = None  # an import of it fails as that of a package that is not there
        try:
            return importlib.import_module(name)
        finally:
            del sys.modules["sklearn"]

    lightgbm = _without_scikit_learn("lightgbm")

__all__ = ["lightgbm"]
