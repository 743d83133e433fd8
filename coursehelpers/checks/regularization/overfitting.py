"""Part 1 of the regularization notebook: overfitting and smaller hypothesis spaces."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import (
    NO_NUMBERS,
    are_probabilities,
    built,
    expect_outputs,
    predict,
)

exercise = partial(exercise, notebook="regularization")

# The smaller hypothesis space has to be a good deal smaller than the notebook's 256-256 network.
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
        "counted from 1": "Epochs count from 0, as Keras counts them.",
        "best training loss": "The best epoch is the one with the smallest validation loss.",
        "smallest gap": "This is where the gap is smallest; find the smallest validation loss.",
        "loss, not epoch": "This is a loss; return the number of its epoch.",
        "other sign": "The sign is the other one: the gap is validation loss minus training loss.",
        "absolute gap": "A gap may be negative; do not take its absolute value.",
        "validation loss": "This is the validation loss itself; subtract the training loss.",
        "gap of other epochs": "Both losses of a gap belong to the same epoch.",
        "gap of the best epoch": "This is the gap of the best epoch; the last epoch is another one.",
        "largest gap": "This is the largest gap, wherever it is; take that of the last epoch.",
        "training error": "This size has the smallest training error; which data choose?",
        "position": "This is a position in the list; return the size that stands there.",
        "largest error": "This size has the largest validation error.",
        "only below m": "Sizes above the number of examples count, too; least squares of smallest "
        "norm has an answer for them.",
        "no hidden nonlinearity": "The model is linear in the image; is there a hidden activation?",
    }
)


@exercise(
    "read_curves",
    section="1.1 Overfitting",
    points=3,
    hints=[
        "history is a dictionary of two lists, as long as there were epochs.",
        "np.argmin tells where a list is smallest, counted from 0.",
        "The gap in epoch i is val_loss[i] - loss[i]; the last epoch has the index -1.",
    ],
)
def read_curves(answer, expect, rng):
    # The training loss falls from above the validation loss to below it, so that gaps of both
    # signs occur; the validation loss is smallest in between. A row is a history.
    minima = np.array([3, 7, 5])
    loss = np.linspace(2, 0.1, 10) + rng.uniform(0, 0.05, size=(3, 10))
    val_loss = 0.9 + 0.1 * np.abs(np.arange(10) - minima[:, None])
    val_loss += rng.uniform(0, 0.04, size=(3, 10))
    val_loss[0, -1] -= 0.4  # so that the last gap is not always the largest
    names = "the best epoch, the gap there and the gap at the end"
    got = []
    for history in zip(loss.tolist(), val_loss.tolist(), strict=True):
        reply = answer.call(dict(zip(("loss", "val_loss"), history, strict=True)))
        got.append([expect.number(value) for value in expect.triple(reply, names)])
    best_epoch, best_gap, last_gap = np.transpose(got)

    rows, gap = np.arange(3), val_loss - loss
    expect.close(
        best_epoch,
        minima,
        "The first value should be the epoch with the smallest validation loss.",
        points=1,
        mistakes=known(
            ("counted from 1", minima + 1),
            ("best training loss", np.argmin(loss, axis=1)),
            ("smallest gap", np.argmin(gap, axis=1)),
            ("smallest gap", np.argmin(np.abs(gap), axis=1)),
            ("loss, not epoch", val_loss[rows, minima]),
        ),
    )
    for value, epoch, where in ((best_gap, minima, "best"), (last_gap, np.full(3, 9), "last")):
        right = gap[rows, epoch]
        expect.close(
            value,
            right,
            f"There should be the gap of the losses in the {where} epoch.",
            points=1,
            mistakes=known(
                ("other sign", -right),
                ("absolute gap", np.abs(right)),
                ("validation loss", val_loss[rows, epoch]),
                ("gap of other epochs", val_loss.min(axis=1) - loss.min(axis=1)),
                ("gap of the best epoch", gap[rows, minima]),
                ("largest gap", gap.max(axis=1)),
            ),
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
    "choose_size",
    section="1.3 The ratio d/m",
    points=3,
    hints=[
        "For one size d: fit on x_train[:, :d], then predict for x_validation[:, :d].",
        "Loop over the sizes, keep the validation error of each, and take the smallest.",
        "min(errors, key=errors.get) returns the key of the smallest value of a dictionary.",
    ],
)
def choose_size(answer, expect, rng):
    # Few features matter and labels are noisy; or all do and they are not, so that a size beyond
    # the number of examples wins.
    for n, relevant, noise, sizes in (
        (60, 6, 0.5, [15, 9, 6, 19, 60]),
        (80, 80, 0.1, [5, 80, 19, 15, 12]),
        (50, 5, 0.5, [50, 18, 5, 9, 12]),
    ):
        expect.given = f"With 20 examples, {n} features and the sizes {sizes}"
        train_errors, errors = np.zeros((2, len(sizes)))
        while np.sort(errors)[1] < 1.2 * errors.min() or not errors.any():  # until one wins clearly
            w = np.zeros(n)
            w[:relevant] = rng.choice([-1, 1], size=relevant) / np.sqrt(relevant)
            x = rng.normal(size=(220, n))
            y = x @ w + noise * rng.normal(size=220)
            train, validation = (x[:20], y[:20]), (x[20:], y[20:])
            for i, d in enumerate(sizes):
                parts = [(part[0][:, :d], part[1]) for part in (train, validation)]
                both = _residuals(parts[0], *parts)
                train_errors[i], errors[i] = [_mean_square(r) for r in both]
        best = int(np.argmin(errors))
        below = [d for d in sizes if d < 20]
        expect.close(
            answer.call(*train, *validation, list(sizes)),
            sizes[best],
            "Return the size with the smallest validation error.",
            points=1,
            mistakes=known(
                ("largest error", sizes[int(np.argmax(errors))]),
                ("training error", sizes[int(np.argmin(train_errors))]),
                ("only below m", min(below, key=lambda d, sizes=sizes: errors[sizes.index(d)])),
                ("position", best),
            ),
        )


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
    model = built(answer, expect)
    outputs = expect_outputs(
        answer,
        expect,
        rng.uniform(size=(5, 28, 28)).astype("float32"),
        model,
        (5, 10),
        "For five images",
        mistakes=lambda shape: known(
            ("not flattened", len(shape) > 2),
            ("number of classes", len(shape) == 2 and shape[1] != 10),
        ),
    )
    expect.that(
        are_probabilities(outputs),
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
    # Images as bright as these may be too much for a model that suits others.
    outputs = predict(answer, images, model, (48, 10), finite=False)
    expect.that(np.isfinite(outputs).any(), NO_NUMBERS)
    one, other, halfway = _scores(outputs).reshape(3, 16, 10)
    bend = np.abs((one + other) / 2 - halfway).max(axis=1)
    bent = np.any(bend > 1e-4 + 1e-3 * np.abs(one - other).max(axis=1))
    expect.that(bent, "", points=1, mistakes=known(("no hidden nonlinearity", True)))


def _scores(outputs):
    """Undo softmax or sigmoid; nan where float32 has lost the score."""
    outputs = outputs.astype(float)
    if are_probabilities(outputs):
        kept = np.where(outputs > 1e-30, outputs, np.nan)
        return np.log(kept) - np.log(kept[:, :1])
    if outputs.min() >= 0 and outputs.max() <= 1:
        kept = np.where(np.abs(outputs - 0.5) < 0.499, outputs, np.nan)
        return np.log(kept) - np.log(1 - kept)
    return outputs
