"""Frames and arrays in, Axes out; and `show`, which gives every figure its words.

Every function draws into `ax`, by default a new figure, and returns the Axes. Series differ in
colour, marker and line style; more of them than there are `STYLES` are a ValueError.
"""

from coursehelpers.plots.core import STYLES, describe, show
from coursehelpers.plots.data import (
    plot_augmentations,
    plot_decision_boundary,
    plot_regression_fit,
    show_images,
)
from coursehelpers.plots.model import (
    plot_layer_statistics,
    plot_reliability,
    plot_weight_histograms,
)
from coursehelpers.plots.training import (
    plot_comparison,
    plot_curves,
    plot_error_vs_ratio,
    plot_history,
    plot_learning_curve_over_m,
    plot_series,
    plot_standings,
)

__all__ = [
    "STYLES",
    "describe",
    "plot_augmentations",
    "plot_comparison",
    "plot_curves",
    "plot_decision_boundary",
    "plot_error_vs_ratio",
    "plot_history",
    "plot_layer_statistics",
    "plot_learning_curve_over_m",
    "plot_regression_fit",
    "plot_reliability",
    "plot_series",
    "plot_standings",
    "plot_weight_histograms",
    "show",
    "show_images",
]
