"""What moves the predictions, drawn by shap: a dot an account and signal, and the mean contributions as bars."""

from __future__ import annotations

import io
import warnings

import numpy as np

from evaluation.backtest import Contributions

SHOWN = 15


def shap_plots(shown: Contributions) -> dict[str, bytes]:
    """The signals with the largest mean contribution, either way, as shap draws them.

    Parameters
    ----------
    shown : Contributions
        Of out-of-time rows.

    Returns
    -------
    dict of str to bytes
        shap_beeswarm and shap_bar, each a PNG image; the same bytes for the same contributions.

    References
    ----------
    S. M. Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for trees".
    """
    explanation = shown.explanation.to_shap(shown.frame)
    reached = f"the probability of churn within {shown.horizon_days} days"
    before = np.random.get_state()  # by which shap spreads its dots
    try:
        np.random.seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of shap's own use of matplotlib
            return {
                "shap_beeswarm": _drawn("beeswarm", explanation, f"Contribution to {reached}"),
                "shap_bar": _drawn("bar", explanation, f"Mean size of the contribution to {reached}"),
            }
    finally:
        np.random.set_state(before)


def _drawn(kind: str, explanation: object, title: str) -> bytes:
    """A plot of shap's on a figure of its own, which no window and no notebook knows of."""
    import shap
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.4 * SHOWN + 1.5))
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    size = {"plot_size": None} if kind == "beeswarm" else {}
    getattr(shap.plots, kind)(explanation, max_display=SHOWN, ax=axes, show=False, **size)
    axes.set_xlabel(title)
    image = io.BytesIO()
    canvas.figure.savefig(image, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    return image.getvalue()
