"""Numbers out of repetitions: estimates with their intervals."""

from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """An estimate and its confidence interval."""

    estimate: float
    low: float
    high: float


def mean_interval(values, confidence=0.95):
    """Return the mean and Student's t-interval for it.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        Independent repetitions, at least two.
    confidence : float, default 0.95

    Returns
    -------
    Interval

    Raises
    ------
    ValueError
        If there are fewer than two values, or `confidence` is not between 0 and 1.

    Examples
    --------
    >>> [round(number, 3) for number in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    from scipy import stats

    values = _repetitions(values, confidence)
    half = stats.sem(values) * stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    mean = float(values.mean())
    return Interval(mean, mean - float(half), mean + float(half))


def median_interval(values, confidence=0.95):
    """Return the median and an interval for it that holds for every distribution.

    Where a mean does not exist, as for the validation error at d/m = 1, the median still does. The
    interval is spanned by order statistics (Conover 1999, sec. 3.2), its coverage at least
    `confidence`.

    Parameters
    ----------
    values : array-like of float, shape (n,)
        Independent repetitions, at least two; with fewer than six a bound is infinite.
    confidence : float, default 0.95

    Returns
    -------
    Interval

    Examples
    --------
    >>> median_interval(range(1, 21))
    Interval(estimate=10.5, low=6.0, high=15.0)
    """
    from scipy import stats

    values = _repetitions(values, confidence)
    interval = stats.quantile_test(values, p=0.5).confidence_interval(confidence)
    low = -np.inf if np.isnan(interval.low) else float(interval.low)
    high = np.inf if np.isnan(interval.high) else float(interval.high)
    return Interval(float(np.median(values)), low, high)


def summarize(frame, by, value, interval=mean_interval):
    """Summarize repetitions in a tidy frame: one row per group, with its interval.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per repetition.
    by : str or list of str
        Columns that name the group.
    value : str
        Column of the repeated number.
    interval : callable, default `mean_interval`
        From values to an `Interval`.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, then ``estimate``, ``low``, ``high`` and ``n``, in order of appearance.
    """
    import pandas as pd

    by = [by] if isinstance(by, str) else list(by)
    rows = [
        {**dict(zip(by, key, strict=True)), **interval(group)._asdict(), "n": len(group)}
        for key, group in frame.groupby(by, sort=False)[value]
    ]
    return pd.DataFrame(rows)


def paired_differences(frame, by, value, baseline):
    """Compare settings with a baseline, repetition by repetition.

    Each repetition draws the same data and noise for all settings, so that their difference is
    known more precisely than either of them.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per setting and repetition; the repetition in a column ``seed``.
    by : str
        Column of the setting.
    value : str
        Column of the repeated number.
    baseline : object
        The setting to compare with.

    Returns
    -------
    pandas.DataFrame
        A row for each other setting: the mean of ``value`` minus that of the baseline as
        ``estimate``, with its interval ``low``, ``high``, and the number of repetitions ``n``.

    Raises
    ------
    ValueError
        If the baseline is not among the settings.
    """
    settings = list(dict.fromkeys(frame[by]))
    if baseline not in settings:
        raise ValueError(f"There is no setting {baseline!r}; there are: {settings}.")
    wide = frame.pivot_table(index="seed", columns=by, values=value)
    others = [setting for setting in settings if setting != baseline]
    differences = wide[others].sub(wide[baseline], axis=0).melt(value_name="difference")
    return summarize(differences, by, "difference")


def _repetitions(values, confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a probability, such as 0.95, got {confidence!r}.")
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"An interval needs at least two repetitions in a row, got shape {values.shape}."
        )
    if np.isnan(values).any():
        raise ValueError("A repetition is NaN; an interval without it would be too small.")
    return values
