"""Claims: sentences that a measurement supports, refutes or leaves undecided."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from coursehelpers.metrics import mean_interval

if TYPE_CHECKING:
    import pandas as pd

MIME = "application/vnd.coursehelpers.claim+json"
# Told apart by symbol and word, not only by colour.
LOOKS = {"supported": ("✓", "#0072B2"), "refuted": ("✗", "#D55E00"), "undecided": ("?", "#777777")}


@dataclass(frozen=True)
class Claim:
    """A statement, what was measured, and what that says about it; `claim` makes it.

    The fields are those of `claim`, with the ``state`` ("supported", "refuted" or "undecided"), and
    ``claimed``, what the statement says of the quantity, such as "above 0". A ``confidence`` above
    0.95 was corrected for other comparisons beside it.
    """

    statement: str
    state: str
    quantity: str
    estimate: float
    low: float
    high: float
    confidence: float
    n: int
    unit: str
    claimed: str

    @property
    def verdict(self) -> str:
        """The sentence that the state allows."""
        if self.state == "supported":
            return f"Supported: {self.statement}"
        if self.state == "refuted":
            return f"Refuted: “{self.statement}” The measurement says otherwise."
        return f"Undecided: “{self.statement}” {self.n} {self.unit} cannot tell."

    @property
    def measured(self) -> str:
        """The numbers behind the verdict."""
        numbers = (self.estimate, self.low, self.high)
        estimate, low, high = (_format(number, self) for number in numbers)
        # Corrected intervals hold together at 95 %; the level of each one alone would confuse.
        level = f"{min(self.confidence, 0.95) * 100:.3g} % interval"
        corrected = " corrected," if self.confidence > 0.95 else ""
        return (
            f"{self.quantity}: {estimate} ({level} {low} to {high},{corrected} "
            f"{self.n} {self.unit}; claimed: {self.claimed})."
        )

    def __str__(self) -> str:
        return f"{self.verdict}\n{self.measured}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        symbol, color = LOOKS[self.state]
        html = (
            f'<div style="border-left: 4px solid {color}; padding-left: 0.8em">'
            f"<b>{symbol}</b> {escape(self.verdict)}<br><small>{escape(self.measured)}</small></div>"
        )
        # JSON has no infinity, which an interval of few repetitions may have as its end.
        record = {
            name: None if value in (math.inf, -math.inf) else value
            for name, value in asdict(self).items()
        }
        return {"text/plain": str(self), "text/html": html, MIME: record}


def claim(
    statement: str,
    quantity: str,
    row: "Mapping[str, Any] | pd.Series | list[float] | np.ndarray",
    *,
    above: float | None = None,
    below: float | None = None,
    within: tuple[float, float] | None = None,
    unit: str = "seeds",
) -> Claim:
    """Hold a statement against a measurement; the interval decides.

    Parameters
    ----------
    statement : str
        What is claimed, as a sentence without numbers.
    quantity : str
        Name of what was measured, such as "difference in test accuracy".
    row : mapping, pandas.Series, or list or ndarray of float, shape (n,)
        The measurement: ``estimate``, ``low`` and ``high``, with ``n`` and, if it is not 0.95,
        ``confidence``; such as a row of `Comparison.differences`. Or the repetitions themselves:
        then their `coursehelpers.metrics.mean_interval` decides.
    above, below : float, optional
        The statement is true if the quantity lies above, or below, this value.
    within : tuple of float, optional
        The statement is true if the quantity lies between these two values.
    unit : str, default "seeds"
        What was repeated.

    Returns
    -------
    Claim
        Supported if the whole interval lies where the statement puts the quantity, refuted if no
        part of it does, else undecided, as is an interval without width. A notebook shows it as
        the sentence that its state allows.

    Raises
    ------
    ValueError
        If not exactly one of `above`, `below`, `within` is given, a number is missing or NaN, or
        the measurement was interrupted.

    Examples
    --------
    >>> row = {"estimate": 0.05, "low": 0.02, "high": 0.08, "n": 5}
    >>> print(claim("Dropout helps.", "Difference in test accuracy", row, above=0))
    Supported: Dropout helps.
    Difference in test accuracy: +0.050 (95 % interval +0.020 to +0.080, 5 seeds; claimed: above 0).
    >>> claim("Dropout helps.", "Difference in test accuracy", [-0.1, 0.1, 0.2], above=0).state
    'undecided'
    """
    bounds = {"above": above, "below": below, "within": within}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if len(given) != 1:
        raise ValueError(
            f"A claim says one thing: above=, below= or within=, got {', '.join(given) or 'none'}."
        )
    if isinstance(row, list | np.ndarray):
        row = {**mean_interval(row)._asdict(), "n": len(row)}
    if not isinstance(row, Mapping) and getattr(row, "ndim", 1) != 1:
        raise ValueError(f"A claim takes one row, such as table.loc['dropout'], got {len(row)}.")
    row = dict(row)
    if row.get("partial", False):
        raise ValueError(
            "The comparison was interrupted: a claim needs all of its runs. Run it to its end."
        )
    numbers = {name: float(row.get(name, math.nan)) for name in ("estimate", "low", "high", "n")}
    if missing := [name for name, number in numbers.items() if math.isnan(number)]:
        raise ValueError(
            f"The measurement lacks {', '.join(missing)}; it has {row}. The rows of "
            "Comparison.differences and metrics.summarize have them all."
        )
    lower, upper, claimed = _range(**given)
    n, low, high = int(numbers["n"]), numbers["low"], numbers["high"]
    if low == high:
        state = "undecided"  # equal repetitions have not shown how much they vary
    elif lower < low and high < upper:
        state = "supported"
    elif high < lower or upper < low:
        state = "refuted"
    else:
        state = "undecided"
    confidence = float(row.get("confidence", 0.95))
    return Claim(
        statement, state, quantity, numbers["estimate"], low, high, confidence, n, unit, claimed
    )


def _range(above=None, below=None, within=None):
    if above is not None:
        return float(above), math.inf, f"above {above:.4g}"
    if below is not None:
        return -math.inf, float(below), f"below {below:.4g}"
    lower, upper = within
    if not lower < upper:
        raise ValueError(f"within must be two rising numbers, got {within!r}.")
    return float(lower), float(upper), f"within {lower:.4g} to {upper:.4g}"


def _format(number, claim):
    """Write a number with two digits of the interval's half width, a difference with its sign."""
    half = (claim.high - claim.low) / 2
    decimals = 3 if not math.isfinite(half) or half <= 0 else 1 - math.floor(math.log10(half))
    sign = "+" if claim.claimed in ("above 0", "below 0") else ""
    return f"{number:{sign},.{min(max(decimals, 0), 6)}f}"
