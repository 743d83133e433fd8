"""Part 2 of the regularization notebook: terms of the loss."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import built, expect_outputs

exercise = partial(exercise, notebook="regularization")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "halved": "This is half of the right number; leave out the factor 1/2.",
        "forgot m": "Divide by the number of training examples m.",
        "divided by m twice": "Divide by m only once.",
        "multiplied by m": "Divide by m instead of multiplying by it; mind the order of operations.",
        "forgot lambda": "The factor lambda is missing.",
        "mean, not sum": "Take the sum over all weights, not a mean.",
        "signed sum": "Positive and negative weights cancel; treat each one before adding up.",
        "other penalty": "L1 takes absolute values and L2 takes squares; this is the other penalty.",
        "norm": "This looks like a norm; add up over all weights without taking a root.",
        "matrix norm": "np.linalg.norm(w, 1) is a largest column sum; add up over all entries.",
        "one array only": "Only one array of the list seems to count; add up all of them.",
        "matrices only": "The one-dimensional array seems to be left out; every array counts here.",
        "measured the sum": "Treat each weight before adding up, not the sum afterwards.",
        "other convention": "This is off by a factor of 2: it belongs to the other convention.",
        "doubled": "This is 2 lambda / m; on which side of the equation does the 2 stand?",
        "inverted": "This is the inverse of the right number; solve for l2 again.",
        "forgot 2": "The derivative of w**2 has a factor 2.",
        "penalty, not gradient": "This is the penalty of each weight; take its derivative.",
        "penalties swapped": "This is the gradient of the other penalty.",
        "wrong sign": "The gradient points uphill, where the penalty grows; the sign is the other one.",
        "no sign": "Left of 0 the penalty falls, so that the gradient is negative there.",
        "no slope 0": "At exactly 0 take the slope 0, neither that on the left nor that on the right.",
        "no decay": "The weight itself is not multiplied; where is the penalty?",
        "no gradient": "The weight decays, but the gradient of the loss is missing.",
        "uphill": "Go against the gradient: subtract it.",
        "decayed the learning rate": "The factor belongs to the weight, not to the learning rate.",
        "no learning rate": "The share that is taken off depends on the learning rate, too.",
        "twice the decay": "This is twice the decay; the half in lambda / 2m cancels the 2 of the "
        "derivative.",
        "half the decay": "This is half of the decay; the 2 of the derivative cancels the half in "
        "lambda / 2m.",
        "decay after the step": "The factor multiplies the old weight only, not the step.",
        "decay added": "The weight grows here; without a gradient it should get smaller.",
        "decay by an amount": "Each weight loses the same amount; L2 takes the same share of each.",
        "no hidden layer": "A hidden layer is missing.",
        "zero kernel": "A kernel is all zero, where no penalty shows; leave its initializer out.",
        "some kernels only": "Not every kernel carries the penalty; look at each layer.",
        "l2 ignored": "The penalty does not change with l2; is the argument used?",
        "activities": "The penalty changes with the input: it is on activities, not on kernels.",
        "biases": "A term of the penalty is zero, so it is on the biases, which start at zero.",
        "other classes only": "The share alpha goes to all classes, the right one included.",
        "no part for the right class": "The right class gets its part of alpha, too; the row adds up "
        "to less than 1.",
        "counted from 1": "The classes are numbered from 0.",
        "label kept whole": "The right class keeps its whole 1; the row adds up to more than 1.",
        "alpha swapped": "alpha and 1 - alpha have changed places.",
        "not smoothed": "These are one-hot labels; what does alpha do?",
        "nothing spread": "What is taken off the right class has to go to all classes.",
        "half of alpha": "This is the smoothing for half of alpha.",
        "not divided": "Each class gets an equal part of alpha, not all of it.",
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
    # Larger than 2, so that neither sums nor half sums can be the number of the weights by chance.
    one, *several = (
        rng.choice([-2, 2], size=shape) * rng.uniform(1.2, 3, size=shape)
        for shape in ((5, 3), (4, 3), 5, 7, (1, 1), (2, 2, 3))
    )
    one[0], several[2][:] = 0, 0
    several = [w.astype("float32") for w in several]  # as Keras has them
    for given, weights in (
        ("For one array with zeros", [one]),
        ("For five arrays, one of them all zero", several),
    ):
        expect.given = given
        # With negative sums, absolute values that are taken too late make a difference.
        weights = [-np.sign(w.sum()) * w for w in weights]
        # No factor is near another one: lambda, 2, m, numbers of weights and arrays.
        lambda_, m = rng.uniform(2.2, 3.8), int(rng.integers(50, 200))
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
            ("mean, not sum", sums.mean()),
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
    "penalty_gradients",
    section="2.2 The L1 penalty",
    points=3,
    hints=[
        "Differentiate for a single weight: w**2 and |w|; the factor lambda / m stays in front.",
        "|w| rises by 1 per unit right of zero and falls by 1 left of it; np.sign tells the side.",
    ],
)
def penalty_gradients(answer, expect, rng):
    for given, shape, dtype, small, judged in (
        # Only L1 has a kink at zero, so that it alone is asked for twice.
        ("For weights away from zero", (3, 2), "float64", [], 1),
        ("For weights some of which are zero", (2, 4), "float32", [0, 0, 0.01, -0.01], 2),
    ):
        w = rng.uniform(0.2, 3, size=shape).astype(dtype)
        w.flat[::2] *= -1
        w.flat[: len(small)] = small
        lambda_, m = rng.uniform(2.2, 3.8), int(rng.integers(50, 200))
        factor = lambda_ / m
        expect.given = given
        l2, l1 = expect.pair(answer.call(w, lambda_, m), "the gradients of L2 and of L1")
        kink = "; at 0 it is 0, where w / |w| is no number" if small else ""
        parts = (
            ("L1", l1, factor * np.sign(w), f"absolute values{kink}"),
            ("L2", l2, 2 * factor * w, "squares"),
        )
        for i, (name, got, right, what) in enumerate(parts[:judged]):
            expect.given = f"{given}, in the gradient of {name}"
            expect.close(
                got,
                right,
                f"It should be that of lambda / m times the sum of the {what}.",
                points=1,
                mistakes=known(
                    ("forgot m", right * m),
                    ("forgot lambda", right / lambda_),
                    ("forgot 2", right / 2),
                    ("penalty, not gradient", factor * (np.abs(w), w**2)[i]),
                    ("penalties swapped", parts[1 - i][2]),
                    ("wrong sign", -right),
                    ("no sign", np.abs(right)),
                    ("no sign", np.full(shape, factor)),
                    ("no slope 0", np.where(w == 0, factor, right)),
                    ("no slope 0", np.where(w == 0, -factor, right)),
                ),
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
        lambda_, m = rng.uniform(2.2, 3.8), int(rng.integers(50, 200))
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
                ("doubled", 2 * lambda_ / m),
                ("inverted", 1 / right),
            ),
        )


@exercise(
    "decay_step",
    section="2.4 Weight decay",
    points=2,
    hints=[
        "The step goes against the gradient of the loss plus that of the penalty.",
        "The gradient of lambda / 2m times the sum of squares is lambda / m times w.",
        "Collect what multiplies w.",
    ],
)
def decay_step(answer, expect, rng):
    for given, shape in (("", (3, 2)), ("Where the gradient of the loss is zero", (2, 4))):
        expect.given = given
        w, gradient = (rng.uniform(0.5, 2, size=shape) for _ in range(2))
        w.flat[::2] *= -1
        gradient.flat[::3] *= -1
        if given:
            w, gradient = w.astype("float32"), np.zeros(shape, "float32")
            w[0, 0] = 0
        # Large enough that each factor can be told from 1.
        eta, lambda_, m = rng.uniform(0.1, 0.4), rng.uniform(2.2, 9), int(rng.integers(10, 30))
        decay, step = eta * lambda_ / m, eta * gradient
        expect.close(
            answer.call(w, gradient, eta, lambda_, m),
            (1 - decay) * w - step,
            points=1,
            otherwise="The weight should decay by its share and then go down the gradient.",
            mistakes=known(
                ("no decay", w - step),
                ("no gradient", (1 - decay) * w),
                ("uphill", (1 - decay) * w + step),
                ("decayed the learning rate", w - (1 - decay) * step),
                ("no learning rate", (1 - lambda_ / m) * w - step),
                ("forgot m", (1 - eta * lambda_) * w - step),
                ("twice the decay", (1 - 2 * decay) * w - step),
                ("half the decay", (1 - decay / 2) * w - step),
                ("decay after the step", (1 - decay) * (w - step)),
                ("decay added", (1 + decay) * w - step),
                ("decay by an amount", w - decay * np.sign(w) - step),
            ),
        )


@exercise(
    "build_l2_mlp",
    section="2.5 What a penalty does to a network",
    points=4,
    hints=[
        "Dense takes a kernel_regularizer; keras.regularizers.L2(l2) is one.",
        "The output layer has a kernel, too.",
        "The sum of model.losses should be l2 times the sum of the squares of all kernels.",
    ],
    seconds=20,
)
def build_l2_mlp(answer, expect, rng):
    price = np.nan  # of the squares, as the first model has it
    for l2, points in ((0.01, 1), (rng.uniform(0.05, 0.5), 0)):
        expect.given = ""
        model = built(answer, expect, l2)
        images = rng.uniform(size=(5, 28, 28)).astype("float32")
        expect_outputs(answer, expect, images, model, (5, 10), "For five images")
        kernels = _kernels(answer.weights(model))
        squares, sizes = (np.array([np.sum(f(w)) for w in kernels]) for f in (np.square, np.abs))
        terms = answer.penalties(model)
        # An infinite penalty would be right for any factor.
        expect.that(
            np.isfinite(squares).all(), "Some weights are no numbers, or too large to be squared."
        )
        expect.that(
            len(kernels) > 1,
            "",
            points,
            known(("no hidden layer", True)),
            f"The number of kernels is {len(kernels)}, expected at least 2.",
        )
        expect.that(squares.all(), "", mistakes=known(("zero kernel", True)))
        # What starts at zero are biases.
        expect.that(
            bool(terms) and np.all(terms),
            "The model has no penalty at all; which argument of a layer takes one?",
            points,
            known(("biases", bool(terms))),
            f"model.losses holds {np.round(terms, 4).tolist()}.",
        )
        answer.predict(np.zeros((5, 28, 28), "float32"), model=model)
        moved = not np.isclose(sum(answer.penalties(model)), sum(terms), rtol=1e-4)
        parts = ([size[:-1], size[1:], size[:1], size[-1:]] for size in (squares, sizes))
        part_of_l2, part_of_l1 = ([l2 * part.sum() for part in each] for each in parts)
        expect.given = f"With l2 = {l2:.3g}"
        expect.close(
            sum(terms),
            l2 * squares.sum(),
            points=1,
            otherwise="The terms of model.losses should add up to l2 times the sum of the squares "
            "of all kernels.",
            mistakes=known(
                ("activities", sum(terms) if moved else np.nan),
                ("l2 ignored", price * squares.sum()),
                *(("some kernels only", value) for value in part_of_l2),
                ("halved", l2 / 2 * squares.sum()),
                ("other penalty", l2 * sizes.sum()),
                *(("other penalty", value) for value in part_of_l1),
                ("norm", l2 * np.sqrt(squares).sum()),
            ),
        )
        price = sum(terms) / squares.sum()


def _kernels(weights):
    # Whatever a layer calls them: other arrays of several axes, say biases, are constant at first.
    return [
        w["value"].astype(float)
        for w in weights
        if w["value"].ndim > 1 and (w["path"].endswith("kernel") or np.ptp(w["value"]) > 0)
    ]


@exercise(
    "smooth_labels",
    section="2.8 Label smoothing",
    points=2,
    hints=[
        "First one-hot labels: np.eye(classes)[labels] has a row for each example.",
        "Each row should still add up to 1: what is taken off the right class is spread over all.",
    ],
)
def smooth_labels(answer, expect, rng):
    for given, classes, n, dtype in (
        ("For eight labels", 4, 8, "int64"),
        ("For a single label of type uint8", 10, 1, "uint8"),
    ):
        expect.given = given
        alpha = rng.uniform(0.05, 0.4)
        # The last class does not occur, so that it cannot be counted from the labels.
        labels = rng.integers(classes - 1, size=n).astype(dtype)
        one_hot, part = np.eye(classes)[labels], alpha / classes
        expect.close(
            answer.call(labels, classes, alpha),
            (1 - alpha) * one_hot + part,
            points=1,
            otherwise="Each row should hold one example's label, a share alpha of it spread evenly "
            "over all classes.",
            mistakes=known(
                (
                    "other classes only",
                    (1 - alpha) * one_hot + alpha / (classes - 1) * (1 - one_hot),
                ),
                ("label kept whole", one_hot + part),
                ("label kept whole", one_hot + part * (1 - one_hot)),
                ("label kept whole", one_hot + alpha / (classes - 1) * (1 - one_hot)),
                ("no part for the right class", (1 - alpha) * one_hot + part * (1 - one_hot)),
                ("not divided", (1 - alpha) * one_hot + alpha),
                ("not divided", (1 - alpha) * one_hot + alpha * (1 - one_hot)),
                ("alpha swapped", alpha * one_hot + (1 - alpha) / classes),
                ("not smoothed", one_hot),
                ("nothing spread", (1 - alpha) * one_hot),
                ("half of alpha", (1 - alpha / 2) * one_hot + part / 2),
                ("counted from 1", (1 - alpha) * np.eye(classes)[labels.astype(int) - 1] + part),
            ),
        )
