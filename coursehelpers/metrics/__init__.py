"""Numbers out of repetitions and predictions: intervals, comparisons, calibration, sample sizes."""

from coursehelpers.metrics.calibration import expected_calibration_error, reliability
from coursehelpers.metrics.intervals import (
    Interval,
    holm,
    mean_interval,
    median_interval,
    paired_differences,
    ratio_interval,
    summarize,
)
from coursehelpers.metrics.learning_curve import equivalent_size

__all__ = [
    "Interval",
    "equivalent_size",
    "expected_calibration_error",
    "holm",
    "mean_interval",
    "median_interval",
    "paired_differences",
    "ratio_interval",
    "reliability",
    "summarize",
]
