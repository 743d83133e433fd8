"""The exercises of the regularization notebook, each as a specification of what it expects."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import Mistake, describe, exercise

exercise = partial(exercise, notebook="regularization")

# The smaller hypothesis space has to be a good deal smaller than the notebook's 512-512 network.
MAX_PARAMETERS = 50_000

TWO_ERRORS = "the training error and the validation error"

# What to tell who made a known mistake: what is wrong, and where to look next.
MESSAGES = {
    "swapped": "The two values seem to be in the wrong order.",
    "fitted on all data": "The validation data took part in the fit; fit training data alone.",
    "fitted on validation data": "The weights fit the validation data; fit the training data.",
    "averaged over all points": "Average over the first three points; the fourth stands alone.",
    "sum, not mean": "Take the mean of the squared errors, not their sum.",
    "root": "This is an absolute error or a root; square the errors and take no root.",
    "absolute error": "This is an absolute error or a root; square the errors and take no root.",
    "signed error": "Positive and negative errors cancel; square each one before averaging.",
    "halved": "This is half of the right number; leave out the factor 1/2.",
    "degree too high": "The degree is one too high; degree 1 is a line.",
    "degree too low": "The degree is one too low; degree 1 is a line, with two coefficients.",
    "added an intercept": "There seems to be a column of ones; the model is x @ w alone.",
    "divided by training examples": "Divide by the number of validation examples here.",
    "not flattened": "A dense layer acts on the last axis; where does an image become a vector?",
    "number of classes": "Each class needs one output; how many classes are there?",
    "logits, no softmax": "Some outputs are negative; which activation gives probabilities?",
    "sigmoid, not softmax": "The outputs do not add up to 1; what makes the classes compete?",
    "no hidden nonlinearity": "The model is linear in the image; is there a hidden activation?",
    "looked beyond the stop": "The best epoch lies after the stop; training never sees that loss.",
    "counted from 1": "Epochs count from 0, as Keras counts them.",
    "never stopped": "Training runs to the end here, although the patience runs out before.",
    "stopped too early": "Training stops one epoch too early; which one uses up the patience?",
    "stopped too late": "Training stops one epoch too late; which one uses up the patience?",
    "compared with the epoch before": "Compare with the best loss so far, not the one before.",
    "counted a tie as an improvement": "An equal loss is no improvement; it has to be smaller.",
    "never reset the count": "Start counting anew after every improvement.",
    "stopped after the end": "Training cannot go on after the last loss of the list.",
    "returned losses": "These are losses; return the numbers of their epochs.",
    "no stop, no return": "Nothing is returned if no stop comes; which epoch is the last one then?",
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


def _known(*rows):
    return [Mistake(name, value, MESSAGES[name]) for name, value in rows]


@exercise(
    "four_point_errors",
    section="1.2 Four points",
    points=2,
    hints=[
        "Split first: x[:3] is what the model may see, x[3] is what it may not.",
        "np.polyfit(x[:3], y[:3], degree) gives the coefficients, np.polyval predicts with them.",
        "The training error is the mean of three squared differences, the validation error is "
        "one squared difference.",
    ],
)
def four_point_errors(answer, expect, rng):
    got, residuals = [], []
    for degree in (0, 1, 2):
        # Gaps of at least 1 keep the fit well conditioned.
        x = rng.permutation(np.sort(rng.uniform(-2, 2, size=4)) + np.arange(4))
        y = rng.normal(size=4) + 1
        # With signs that alternate, absolute errors differ from signed ones.
        y *= (-1) ** degree * np.sign(_polynomial_residuals(x, y, degree, 3)[3])
        got.append([expect.number(e) for e in expect.pair(answer.call(x, y, degree), TWO_ERRORS)])
        fits = ((degree, 3), (degree, 4), (degree + 1, 3), (degree - 1, 3))
        residuals.append([_polynomial_residuals(x, y, *fit) for fit in fits])

    # Each holds a row per degree and a column per point.
    right, leaked, steeper, flatter = np.moveaxis(residuals, 1, 0)

    known = [
        ("fitted on all data", (_mean_square(leaked[:, :3]), leaked[:, 3] ** 2)),
        ("fitted on all data", [_mean_square(leaked)] * 2),
        ("averaged over all points", [_mean_square(right)] * 2),
        ("degree too high", (_mean_square(steeper[:, :3]), steeper[:, 3] ** 2)),
        ("degree too low", (_mean_square(flatter[:, :3]), flatter[:, 3] ** 2)),
    ]
    texts = (
        "The training error should be the mean of the squared errors on the first three points.",
        "The validation error should be the squared error on the fourth point.",
    )
    _expect_errors(expect, np.transpose(got), (right[:, :3], right[:, 3:]), (1, 1), texts, known)


def _expect_errors(expect, got, residuals, points, texts, known):
    """Expect the mean squares of training and validation residuals, in this order."""
    right = [np.round(_mean_square(r), 12) for r in residuals]
    for i, r in enumerate(residuals):
        mistakes = _known(
            ("sum, not mean", np.sum(r**2, axis=-1)),
            ("root", np.sqrt(right[i])),
            ("absolute error", np.mean(np.abs(r), axis=-1)),
            ("signed error", np.mean(r, axis=-1)),
            ("signed error", np.mean(-r, axis=-1)),
            ("halved", right[i] / 2),
            *((name, values[i]) for name, values in known),
            ("swapped", right[1 - i]),
        )
        expect.close(got[i], right[i], texts[i], points[i], mistakes)


def _mean_square(residuals):
    return np.mean(residuals**2, axis=-1)


def _polynomial_residuals(x, y, degree, fitted):
    """Fit a polynomial to the first points; return what remains at all of them."""
    powers = np.vander(x, degree + 1)
    return _residuals((powers[:fitted], y[:fitted]), (powers, y))[0]


def _residuals(fit, *others):
    """Fit least-squares weights of smallest norm to one (x, y); return what remains of others."""
    w = np.linalg.pinv(fit[0]) @ fit[1]
    return [x @ w - y for x, y in others]


@exercise(
    "least_squares_errors",
    section="1.3 The ratio d/m",
    points=3,
    hints=[
        "First the weights w from the training data alone, then both errors with the same w.",
        "With more features than examples X^T X has no inverse; np.linalg.lstsq and "
        "np.linalg.pinv give the solution of smallest norm in every case.",
        "Both errors are means of squared differences between x @ w and y.",
    ],
)
def least_squares_errors(answer, expect, rng):
    for m, d, points, regime in (
        (30, 8, (1, 1), "With fewer features than examples"),
        (8, 16, (0, 1), "With more features than examples, where X^T X has no inverse"),
    ):
        expect.given = regime
        train = rng.normal(size=(m, d)), rng.normal(1, size=m)
        validation = rng.normal(size=(12, d)), rng.normal(1, size=12)
        both = [np.concatenate(arrays) for arrays in zip(train, validation, strict=True)]
        affine = [(np.column_stack([x, np.ones(len(x))]), y) for x, y in (train, validation)]

        def errors(fit, *sets):
            return [_mean_square(r) for r in _residuals(fit, *sets)]

        residuals = _residuals(train, train, validation)
        known = [
            ("divided by training examples", [_mean_square(r) * len(r) / m for r in residuals]),
            ("fitted on validation data", errors(validation, train, validation)),
            ("fitted on all data", errors(both, train, validation)),
            ("added an intercept", errors(affine[0], *affine)),
        ]
        texts = (
            "The training error should be the mean squared error of least squares.",
            "The validation error should be that of the least-squares weights of smallest norm.",
        )
        got = expect.pair(answer.call(*train, *validation), TWO_ERRORS)
        _expect_errors(expect, got, residuals, points, texts, known)


@exercise(
    "build_smaller_mlp",
    section="1.4 A smaller hypothesis space",
    points=3,
    hints=[
        "Start from the notebook's large network and take away: fewer layers, fewer units.",
        "A dense layer from 784 inputs to k units has 785 k parameters; how large may k be?",
        "Input((28, 28)), Flatten, one hidden Dense layer with an activation, and a Dense layer "
        "of 10 with softmax.",
    ],
    seconds=20,
)
def build_smaller_mlp(answer, expect, rng):
    model = answer.call()
    expect.that(model is not None, "Your function returned nothing; is there a `return`?")
    outputs = answer.predict(rng.uniform(size=(5, 28, 28)).astype("float32"), model=model)
    shape = np.shape(outputs) if isinstance(outputs, np.ndarray) else ()
    expect.that(
        shape == (5, 10),
        f"For five images the model should return shape (5, 10); it gives {describe(outputs)}.",
        mistakes=_known(("not flattened", len(shape) > 2), ("number of classes", len(shape) == 2)),
    )
    expect.that(
        _are_probabilities(outputs),
        "The ten outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=_known(
            ("logits, no softmax", outputs.min() < 0),
            ("sigmoid, not softmax", outputs.min() > 0 and outputs.max() < 1),
        ),
    )
    # A model that is not told its input shape has weights only after it has been called.
    parameters = sum(w["value"].size for w in answer.weights(model))
    expect.that(
        parameters <= MAX_PARAMETERS,
        f"The model has {parameters:,} parameters, over {MAX_PARAMETERS:,}; which layer has most?",
        points=1,
    )
    # Without hidden nonlinearity the scores under the last activation are linear: halfway between
    # two images they are halfway too. The sizes suit inputs scaled to 1 as well as to 255.
    ends = rng.uniform(-1, 1, size=(2, 16, 28, 28)) * np.geomspace(0.1, 255, 16).reshape(16, 1, 1)
    images = np.concatenate([*ends, ends.mean(axis=0)]).astype("float32")
    one, other, halfway = _scores(answer.predict(images, model=model)).reshape(3, 16, 10)
    bend = np.abs((one + other) / 2 - halfway).max(axis=1)
    bent = np.any(bend > 1e-4 + 1e-3 * np.abs(one - other).max(axis=1))
    expect.that(bent, "", points=1, mistakes=_known(("no hidden nonlinearity", True)))


def _are_probabilities(outputs):
    return np.allclose(outputs.sum(axis=1), 1, atol=1e-3) and outputs.min() >= 0


def _scores(outputs):
    """Undo softmax or sigmoid; nan where float32 has lost the score."""
    outputs = outputs.astype(float)
    if _are_probabilities(outputs):
        kept = np.where(outputs > 1e-30, outputs, np.nan)
        return np.log(kept) - np.log(kept[:, :1])
    if outputs.min() >= 0 and outputs.max() <= 1:
        kept = np.where(np.abs(outputs - 0.5) < 0.499, outputs, np.nan)
        return np.log(kept) - np.log(1 - kept)
    return outputs


@exercise(
    "early_stopping",
    section="1.7 Early stopping",
    points=4,
    hints=[
        "Keep the best epoch so far; an epoch improves only if its loss is strictly smaller.",
        "After each epoch ask: how many epochs ago was the best one? Is that the patience?",
        "If the patience never runs out, the last epoch trained is the last of the list.",
    ],
)
def early_stopping(answer, expect, rng):
    # Each has its own use; an improvement follows each stop, so that a late one differs.
    curves = [
        ([9, 7, 5, 6, 6.5, 7, 4, 6, 6.2, 6.4, 6.6, 3], 3),  # nothing after the stop counts
        ([9, 7, 8, 8.5, 6, 7, 6.9, 7.7, 5, 5.5, 5.6, 5.7, 5.8, 4], 3),  # recovers in time once
        ([4, 3, 2, 2, 2.5, 1.5, 1.6, 1.7, 1.8, 1], 2),  # an equal loss is no improvement
        ([4, 3, 2, 3, 2.5], 4),  # the patience never runs out
    ]
    for losses, patience in curves:
        val_losses = np.array(losses) * rng.uniform(0.5, 2)
        stopped, best = _stopping(val_losses, patience)
        last, best_of_all = len(val_losses) - 1, int(np.argmin(val_losses))
        expect.given = f"For the losses {np.round(val_losses, 2).tolist()} and patience {patience}"
        got = answer.call(val_losses.tolist(), patience)
        silent = got is None and best + patience > last
        expect.that(not silent, "", mistakes=_known(("no stop, no return", True)))
        expect.close(
            expect.pair(got, "the last epoch that is trained and the best epoch"),
            (stopped, best),
            points=1,
            otherwise="Return the epoch that uses up the patience, or the last, and the best one.",
            mistakes=_known(
                ("looked beyond the stop", (stopped, best_of_all)),
                ("swapped", (best, stopped)),
                ("counted from 1", (stopped + 1, best + 1)),
                ("counted from 1", (stopped + 1, best)),
                ("returned losses", val_losses[[stopped, best]]),
                ("never stopped", (last, best_of_all)),
                ("never reset the count", _stopping(val_losses, patience, reset=False)),
                ("stopped too early", _stopping(val_losses, patience - 1)),
                ("stopped too late", _stopping(val_losses, patience + 1)),
                ("compared with the epoch before", _stopping(val_losses, patience, previous=True)),
                ("counted a tie as an improvement", _stopping(val_losses, patience, ties=True)),
                ("stopped after the end", (best + patience, best)),
            ),
        )


def _stopping(val_losses, patience, previous=False, ties=False, reset=True):
    """Apply the rule of `keras.callbacks.EarlyStopping`, or a known misreading of it."""
    best, wait, reference = 0, 0, np.inf
    for epoch, val_loss in enumerate(val_losses):
        improved = val_loss <= reference if ties else val_loss < reference
        wait = wait + 1 if not improved else 0 if reset else wait
        if improved or previous:
            reference = val_loss
        if val_loss < val_losses[best] or (ties and val_loss <= val_losses[best]):
            best = epoch
        if wait >= patience and not improved:
            break
    return epoch, best


ALL_ENTRIES = "The penalty adds up over all entries of all arrays, then comes the factor."


@exercise(
    "l2_penalty",
    section="1.8 The L2 penalty",
    points=2,
    hints=[ALL_ENTRIES, "Loop over the arrays, and use np.sum of the squares of each."],
)
def l2_penalty(answer, expect, rng):
    _judge_penalty(answer, expect, rng, "squared weights", np.square)


@exercise(
    "l1_penalty",
    section="1.9 The L1 penalty",
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
            mistakes=_known(*((name, lambda_ / m * value) for name, value in mistakes)),
        )


@exercise(
    "keras_l2",
    section="1.10 Three conventions, one penalty",
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
            mistakes=_known(
                ("forgot m", lambda_ / half),
                ("forgot m", lambda_),
                ("multiplied by m", lambda_ / half * m),
                ("other convention", lambda_ / ((3 - half) * m)),
                ("halved", right / 2),
                ("inverted", 1 / right),
            ),
        )
