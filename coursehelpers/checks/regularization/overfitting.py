"""Part 1 of the regularization notebook: overfitting and smaller hypothesis spaces."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import describe, exercise, mistakes_from

exercise = partial(exercise, notebook="regularization")

# The smaller hypothesis space has to be a good deal smaller than the notebook's 512-512 network.
MAX_PARAMETERS = 50_000

TWO_ERRORS = "the training error and the validation error"

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
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
    }
)


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

    wrong_fits = [
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
    _expect_errors(
        expect, np.transpose(got), (right[:, :3], right[:, 3:]), (1, 1), texts, wrong_fits
    )


def _expect_errors(expect, got, residuals, points, texts, wrong_fits):
    """Expect the mean squares of training and validation residuals, in this order."""
    right = [np.round(_mean_square(r), 12) for r in residuals]
    for i, r in enumerate(residuals):
        mistakes = known(
            ("sum, not mean", np.sum(r**2, axis=-1)),
            ("root", np.sqrt(right[i])),
            ("absolute error", np.mean(np.abs(r), axis=-1)),
            ("signed error", np.mean(r, axis=-1)),
            ("signed error", np.mean(-r, axis=-1)),
            ("halved", right[i] / 2),
            *((name, values[i]) for name, values in wrong_fits),
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
        wrong_fits = [
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
        _expect_errors(expect, got, residuals, points, texts, wrong_fits)


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
        mistakes=known(("not flattened", len(shape) > 2), ("number of classes", len(shape) == 2)),
    )
    expect.that(
        _are_probabilities(outputs),
        "The ten outputs for an image should be probabilities: not negative, with sum 1.",
        points=1,
        mistakes=known(
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
    expect.that(bent, "", points=1, mistakes=known(("no hidden nonlinearity", True)))


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
