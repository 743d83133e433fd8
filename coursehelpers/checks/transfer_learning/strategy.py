"""Part 3 of the transfer learning notebook: choosing a strategy by what was measured."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import EXERCISES
from coursehelpers.checks.formula import Case, formula

formula = partial(formula, notebook="transfer_learning")

WORSE, STAR, TIED, BEST = range(4)
# Mistakes that do not go by what the strategies are.
BY_CHANCE = ("place among those left", "counted from 1", "largest upper end")


def _cells(rng):
    # What the strategies are, from the cheapest to the dearest: each rule chooses another one.
    for cells in (
        ((WORSE, STAR, TIED, BEST, TIED, STAR), (STAR, WORSE, TIED, BEST, WORSE)),
        ((WORSE, STAR, BEST, TIED, TIED), (STAR, WORSE, BEST, WORSE, TIED, STAR)),
    ):
        cases = [_drawn(rng, roles) for roles in cells]
        while not _tell_apart(cases):
            cases = [_drawn(rng, roles) for roles in cells]
        yield cases


def _tell_apart(cases):
    """Tell whether the right indices differ, and no rule looks like another one by chance."""
    slips = EXERCISES["choose_strategy"].declared.slips
    indices = {slip.name: [slip.function(*case.arguments) for case in cases] for slip in slips}
    right = [choose_strategy(*case.arguments) for case in cases]
    chance = [indices.pop(name) for name in BY_CHANCE]
    known = [right, *indices.values()]
    alike = any(found in known + chance[:n] for n, found in enumerate(chance))
    # An answer that is always the same is none of the rules.
    return not alike and all(one != other for one, other in known + chance)


def _drawn(rng, roles):
    ends = {WORSE: (-0.08, -0.01), STAR: (0.002, 0.02), TIED: (0.002, 0.02), BEST: (0, 0)}
    order = rng.permutation(len(roles))
    high = np.round([rng.uniform(*ends[role]) for role in roles], 3)[order]
    beaten = np.equal(roles, STAR)[order]
    seconds = np.round(np.cumsum(rng.uniform(2, 30, size=len(roles))), 1)[order]
    given = f"With high = {high.tolist()}, beaten = {beaten.tolist()}, seconds = {seconds.tolist()}"
    return Case(given, (high, beaten, seconds), points=2)


@formula(
    "3.5 Choosing",
    points=4,
    cases=_cells,
    hints=[
        "Which strategies are left? Those whose upper end is not below zero, and that have no star.",
        "(high >= 0) & ~beaten is true for what is left.",
        "np.where(left, seconds, np.inf) makes all others infinitely dear; np.argmin gives an index.",
    ],
    otherwise="The answer should be the index of the cheapest strategy that was not shown to be worse and "
    "has no star.",
    mistakes="""
cheapest of all | return np.argmin(seconds) | This is the cheapest of all, but it was shown to be worse, or has a star.
star ignored | & ~beaten -> | This one has a star: another one was better in every seed.
worse ones kept | (high >= 0) & ~beaten -> ~beaten | This one was shown to be worse: its interval lies wholly below zero.
worse ones kept | high >= 0 -> high < 0
best left out | high >= 0 -> high > 0 | The strategy with the highest mean is left out; its upper end is exactly zero.
highest mean | return np.argmin(abs(high)) | This is the strategy with the highest mean; a cheaper one may be tied with it.
largest upper end | return np.argmax(high) | This has the largest upper end; that end only tells whether it was shown to be worse.
dearest | np.inf -> -np.inf; argmin -> argmax | This is the dearest of those that are left; take the cheapest.
place among those left | return np.argmin(seconds[left]) | This is its place among those that are left; return its index among all.
counted from 1 | return np.argmin(np.where(left, seconds, np.inf)) + 1 | Indices count from 0.
seconds, not index | argmin -> min | These are seconds; return the index of the strategy.
""",
)
def choose_strategy(high, beaten, seconds):
    """Return the index of the cheapest strategy that is not shown to be worse and has no star."""
    left = (high >= 0) & ~beaten
    return np.argmin(np.where(left, seconds, np.inf))
