"""Numbers out of repetitions: intervals and paired comparisons."""

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
    half = _standard_error(values) * stats.t.ppf((1 + confidence) / 2, len(values) - 1)
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


def ratio_interval(numerators, denominators, confidence=0.95):
    """Return the ratio of two means and its interval by Fieller's theorem (1954).

    Parameters
    ----------
    numerators, denominators : array-like of float, shape (n,)
        Pairs from independent repetitions, at least two.
    confidence : float, default 0.95

    Returns
    -------
    Interval
        All ratios r for which Student's test does not reject that the mean of numerator minus r
        times denominator is zero. It does not lie evenly around the estimate, and reaches from
        minus to plus infinity where the mean of the denominators may be zero.

    Raises
    ------
    ValueError
        If there are fewer than two pairs or one is incomplete, or `confidence` is not between 0
        and 1.

    References
    ----------
    E. C. Fieller: Some problems in interval estimation. Journal of the Royal Statistical Society B
    16(2), 1954.

    Examples
    --------
    >>> [round(number, 3) for number in ratio_interval([1.0, 2.0, 3.0], [4.0, 4.1, 4.2])]
    [0.488, -0.126, 1.031]
    """
    from scipy import stats

    numerators, denominators = (
        _repetitions(values, confidence) for values in (numerators, denominators)
    )
    if len(numerators) != len(denominators):
        raise ValueError(
            f"Each numerator needs its denominator, got {len(numerators)} and {len(denominators)}."
        )
    n = len(numerators)
    top, bottom = numerators.mean(), denominators.mean()
    quantile = stats.t.ppf((1 + confidence) / 2, n - 1)
    covariance = np.cov(numerators, denominators) * quantile**2 / n
    # The bounds solve a r^2 - 2 b r + c = 0.
    a = bottom**2 - covariance[1, 1]
    b = top * bottom - covariance[0, 1]
    c = top**2 - covariance[0, 0]
    estimate = float(top / bottom) if bottom else float(np.copysign(np.inf, top))
    if a <= 0:
        return Interval(estimate, -np.inf, np.inf)
    half = np.sqrt(max(b**2 - a * c, 0.0)) / a
    return Interval(estimate, float(b / a - half), float(b / a + half))


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
    interrupted = {"partial": True} if "partial" in frame else {}
    rows = [
        {
            **dict(zip(by, key, strict=True)),
            **interval(group)._asdict(),
            "n": len(group),
            **interrupted,
        }
        for key, group in frame.groupby(by, sort=False)[value]
    ]
    return pd.DataFrame(rows)


def holm(p_values):
    """Return Holm's step-down adjusted p-values (Holm 1979).

    Rejecting where the adjusted value is at most alpha makes the probability of any false
    rejection among all tests at most alpha, however they depend on each other.

    Parameters
    ----------
    p_values : array-like of float, shape (k,)

    Returns
    -------
    ndarray of float, shape (k,)
        In the order of `p_values`, each at most 1.

    Raises
    ------
    ValueError
        If `p_values` is not one row of numbers between 0 and 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005])
    array([0.03, 0.06, 0.06, 0.02])
    """
    p = np.asarray(p_values, float)
    if p.ndim != 1:
        raise ValueError(f"p_values must have shape (k,), got {p.shape}.")
    outside = ~((p >= 0) & (p <= 1))  # NaN too
    if outside.any():
        raise ValueError(f"A p-value is between 0 and 1, got {p[outside][0]}.")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    return np.minimum(adjusted, 1)


def paired_differences(frame, by, value, baseline, confidence=0.95):
    """Compare settings with a baseline, repetition by repetition.

    Each repetition draws the same data and noise for all settings, so that their difference is
    known more precisely than either of them. The more settings, the likelier one differs by
    chance: Holm's procedure (1979) accounts for that, in the p-values and in the intervals.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per setting and repetition; the repetition in a column ``seed``. A seed counts for
        the settings that have it, if the baseline has it too.
    by : str
        Column of the setting.
    value : str
        Column of the repeated number.
    baseline : object
        The setting to compare with.
    confidence : float, default 0.95

    Returns
    -------
    pandas.DataFrame
        A row for each other setting, in order of appearance: the mean of ``value`` minus that of
        the baseline as ``estimate``, its interval ``low``, ``high``, the number of pairs ``n``,
        the two-sided paired t-test's ``p`` as adjusted by `holm` over the rows, and the
        ``confidence`` of the interval.

        Each is Student's interval at the level at which Holm's procedure judges its row, so that
        it excludes zero exactly where ``p`` is at most 1 - `confidence`. With one row that level
        is `confidence`, with more it is at least that: each interval contains the plain one and
        covers its difference with at least `confidence`, each by itself. Equal differences have no
        spread: their interval is a point, and ``p`` is 1 if they are zero, otherwise 0.

    Raises
    ------
    ValueError
        If the baseline is not among the settings, a setting shares fewer than two seeds with it or
        has a seed twice, an entry is NaN or infinite, or `confidence` is not between 0 and 1.
    """
    import pandas as pd

    _check_confidence(confidence)
    values = _values_by_setting(frame, by, value)
    if baseline not in values:
        raise ValueError(f"There is no setting {baseline!r}; there are: {list(values)}.")
    base = values.pop(baseline)
    # Pandas aligns the seeds; one that is missing on either side leaves NaN.
    differences = {name: (row - base).dropna().to_numpy() for name, row in values.items()}
    for setting, pairs in differences.items():
        if len(pairs) < 2:
            raise ValueError(
                f"Setting {setting!r} and the baseline {baseline!r} have {len(pairs)} of their "
                "seeds in common; an interval needs at least two."
            )
    rows = _holm_intervals(list(differences.values()), confidence)
    table = pd.DataFrame(rows, columns=[*Interval._fields, "n", "p", "confidence"])
    table.insert(0, by, list(differences))
    return table


def _check_confidence(confidence):
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a probability, such as 0.95, got {confidence!r}.")


def _repetitions(values, confidence):
    _check_confidence(confidence)
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            f"An interval needs at least two repetitions in a row, got shape {values.shape}."
        )
    if np.isnan(values).any():
        raise ValueError("A repetition is NaN; an interval without it would be too small.")
    return values


def _standard_error(values):
    # The mean of equal values may be rounded, and would leave them a spread.
    return values.std(ddof=1) / np.sqrt(len(values)) if np.ptp(values) else 0.0


def _t_test(values):
    """Return the two-sided p-value of Student's test that the mean is zero."""
    from scipy import stats

    mean, error = values.mean(), _standard_error(values)
    if error == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(abs(mean / error), len(values) - 1))


def _holm_intervals(samples, confidence):
    """Return a row for each sample: its mean's interval and p-value, as Holm's test has them."""
    p = np.array([_t_test(sample) for sample in samples])
    adjusted = holm(p)
    # Equal p-values share the first one's step; from where Holm stops, all share that step.
    step = np.searchsorted(np.sort(p), p)
    stop = step[adjusted > 1 - confidence].min(initial=len(p))
    levels = 1 - (1 - confidence) / (len(p) - np.minimum(step, stop))
    return [
        {**mean_interval(sample, level)._asdict(), "n": len(sample), "p": q, "confidence": level}
        for sample, q, level in zip(samples, adjusted, levels, strict=True)
    ]


def _values_by_setting(frame, by, value):
    """Return a Series for each setting, from seed to value."""
    frame = frame[[by, "seed", value]].astype({value: float})
    unknown = frame.isna().any(axis=1) | np.isinf(frame[value])
    repeated = frame.duplicated([by, "seed"])
    for wrong, problem in (
        (unknown, "and none of them may be NaN or infinite"),
        (repeated, "for the second time; keep one row for each pair"),
    ):
        if wrong.any():
            setting, seed, number = next(frame[wrong].itertuples(index=False, name=None))
            raise ValueError(
                f"Setting {setting!r} with seed {seed!r} has {value} {number}, {problem}."
            )
    groups = frame.groupby(by, sort=False, observed=True)
    return {setting: group.set_index("seed")[value] for setting, group in groups}
