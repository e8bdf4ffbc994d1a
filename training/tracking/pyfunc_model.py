"""The code of the logged MLflow model ("models from code"): loads the JSON and text artifacts, answers probabilities.

MLflow executes this file when it loads the model; nothing is unpickled.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

try:
    from training.model import ChurnModel
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"this model is forewarn's, which is not installed here ({error}): install the forewarn that its run names",
        name=error.name,
    ) from None

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # mlflow's own type hints make it warn while it is imported
    from mlflow.models import set_model
    from mlflow.pyfunc import PythonModel, PythonModelContext

ARTIFACT = "forewarn"


class ForewarnModel(PythonModel):
    """A frame of signals in, p_churn_{h}d per horizon out."""

    def load_context(self, context: PythonModelContext) -> None:
        self.churn = ChurnModel.load(Path(context.artifacts[ARTIFACT]) / "churn")

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        return self.churn.predict(model_input)


set_model(ForewarnModel())
