"""Frames and arrays in, Axes out; and `show`, which gives every figure its words."""

from coursehelpers.plots.augmentation import plot_augmentations, plot_learning_curve_over_m
from coursehelpers.plots.core import DPI, STYLES, describe, show
from coursehelpers.plots.data import (
    plot_decision_boundary,
    plot_error_vs_ratio,
    plot_regression_fit,
    plot_series,
    show_images,
)
from coursehelpers.plots.model import (
    plot_layer_statistics,
    plot_reliability,
    plot_weight_histograms,
)
from coursehelpers.plots.standings import plot_standings
from coursehelpers.plots.training import (
    SMALLER_IS_BETTER,
    plot_comparison,
    plot_curves,
    plot_history,
)

__all__ = [
    "DPI",
    "SMALLER_IS_BETTER",
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
