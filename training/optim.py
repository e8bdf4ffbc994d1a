"""Newton's method for smooth convex losses: whole steps, halved while the loss would rise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEAST_STEP = 1e-4  # of a whole one; a loss that rises even then rises by rounding
SMALL = 1e-9


def minimised(
    loss: Callable[[np.ndarray], float],
    slopes: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    start: np.ndarray,
    steps: int,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(the point (m,), the curvature (m, m) from which the last step was taken).

    `slopes` gives gradient and curvature at a point. Ends after so many steps, or once the loss changes by no more than
    `tolerance` of itself.
    """
    point, value, curvature = start, loss(start), np.zeros((len(start), len(start)))
    for _ in range(steps):
        gradient, curvature = slopes(point)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while (found := loss(point - size * step)) > value and size > LEAST_STEP:
            size /= 2
        point = point - size * step
        done, value = abs(value - found) <= tolerance * (abs(value) + SMALL), found
        if done:
            break
    return point, curvature
