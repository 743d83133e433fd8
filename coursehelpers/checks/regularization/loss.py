"""Part 2 of the regularization notebook: terms of the loss."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from

exercise = partial(exercise, notebook="regularization")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "halved": "This is half of the right number; leave out the factor 1/2.",
        "forgot m": "Divide by the number of training examples m.",
        "divided by m twice": "Divide by m only once.",
        "multiplied by m": "Divide by m instead of multiplying by it; mind the order of operations.",
        "forgot lambda": "The factor lambda is missing.",
        "mean, not sum": "Take the sum over the weights, not their mean.",
        "signed sum": "Positive and negative weights cancel; treat each one before adding up.",
        "other penalty": "L1 takes absolute values and L2 takes squares; this is the other penalty.",
        "norm": "This looks like a norm; add up over all weights without taking a root.",
        "matrix norm": "np.linalg.norm(w, 1) is a largest column sum; add up over all entries.",
        "one array only": "Only one array of the list seems to count; add up all of them.",
        "matrices only": "The one-dimensional array seems to be left out; every array counts here.",
        "measured the sum": "Treat each weight before adding up, not the sum afterwards.",
        "other convention": "This is off by a factor of 2: it belongs to the other convention.",
        "inverted": "This is the inverse of the right number; solve for l2 again.",
    }
)


ALL_ENTRIES = "The penalty adds up over all entries of all arrays, then comes the factor."


@exercise(
    "l2_penalty",
    section="2.1 The L2 penalty",
    points=2,
    hints=[ALL_ENTRIES, "Loop over the arrays, and use np.sum of the squares of each."],
)
def l2_penalty(answer, expect, rng):
    _judge_penalty(answer, expect, rng, "squared weights", np.square)


@exercise(
    "l1_penalty",
    section="2.2 The L1 penalty",
    points=2,
    hints=[ALL_ENTRIES, "Loop over the arrays, and use np.sum of the absolute values of each."],
)
def l1_penalty(answer, expect, rng):
    _judge_penalty(answer, expect, rng, "absolute values of the weights", np.abs)


def _judge_penalty(answer, expect, rng, what, measure):
    arrays = [rng.normal(size=shape) * 2 for shape in ((5, 3), (4, 3), 5, (2, 2, 3))]
    # With negative sums, absolute values that are taken too late make a difference.
    arrays = [-np.sign(w.sum()) * w for w in arrays]
    for weights in (arrays[:1], arrays[1:]):
        lambda_, m = rng.uniform(0.5, 3), int(rng.integers(20, 200))
        # What each array adds up to, measured in one way or another.
        sums, squares, sizes, signed, counts = (
            np.array([np.sum(f(w)) for w in weights])
            for f in (measure, np.square, np.abs, np.positive, np.ones_like)
        )
        right = sums.sum()
        mistakes = [
            ("forgot m", right * m),
            ("divided by m twice", right / m),
            ("multiplied by m", right * m**2),
            ("halved", right / 2),
            ("forgot lambda", right / lambda_),
            ("mean, not sum", right / counts.sum()),
            ("mean, not sum", (sums / counts).sum()),
            ("signed sum", signed.sum()),
            ("measured the sum", measure(signed).sum()),
            ("measured the sum", measure(signed.sum())),
            ("other penalty", squares.sum()),
            ("other penalty", sizes.sum()),
            ("norm", np.sqrt(squares.sum())),
            ("norm", np.sqrt(squares).sum()),
            ("matrix norm", np.linalg.norm(weights[0], 1)),
            ("one array only", sums[0]),
            ("one array only", sums[-1]),
            ("matrices only", sums[[w.ndim > 1 for w in weights]].sum()),
        ]
        expect.close(
            answer.call(weights, lambda_, m),
            lambda_ / m * right,
            points=1,
            otherwise=f"The penalty should be lambda / m times the sum of the {what}.",
            mistakes=known(*((name, lambda_ / m * value) for name, value in mistakes)),
        )


@exercise(
    "keras_l2",
    section="2.3 Three conventions, one penalty",
    points=2,
    hints=[
        "Keras adds l2 * sum(w**2) to the loss, with no m and no 2. Set that equal to the "
        "convention's penalty and solve for l2.",
        'For "lambda/2m" the penalty is lambda / (2 m) times the sum of the squares.',
    ],
)
def keras_l2(answer, expect, rng):
    for convention, half in (("lambda/m", 1), ("lambda/2m", 2)):
        expect.given = f'In the convention "{convention}"'
        lambda_, m = rng.uniform(0.5, 3), int(rng.integers(20, 200))
        right = lambda_ / (half * m)
        expect.close(
            answer.call(lambda_, m, convention),
            right,
            points=1,
            otherwise="l2 * sum(w**2) should equal the penalty.",
            mistakes=known(
                ("forgot m", lambda_ / half),
                ("forgot m", lambda_),
                ("multiplied by m", lambda_ / half * m),
                ("other convention", lambda_ / ((3 - half) * m)),
                ("halved", right / 2),
                ("inverted", 1 / right),
            ),
        )
