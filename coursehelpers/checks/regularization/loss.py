"""Part 2 of the regularization notebook: terms of the loss."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers.checks.declared import exercise
from coursehelpers.checks.formula import Case, formula
from coursehelpers.checks.models import built, expect_outputs, expect_probabilities

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="regularization")
formula = partial(formula, notebook="regularization")

ALL_ENTRIES = "The penalty adds up over all entries of all arrays, then comes the factor."


def _weights(rng):
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
        # With negative sums, absolute values that are taken too late make a difference.
        weights = [-np.sign(w.sum()) * w for w in weights]
        # No factor is near another one: lambda, 2, m, numbers of weights and arrays.
        yield Case(given, (weights, rng.uniform(2.2, 3.8), int(rng.integers(50, 200))))


PENALTY_MISTAKES = """
forgot m | lambda_ / m -> lambda_ | Divide by the number of training examples m.
divided by m twice | lambda_ / m -> lambda_ / m**2 | Divide by m only once.
multiplied by m | lambda_ / m -> lambda_ * m | Divide by m instead of multiplying by it; mind the order of operations.
halved | lambda_ / m -> lambda_ / (2 * m) | This is half of the right number; leave out the factor 1/2.
forgot lambda | lambda_ / m -> 1 / m | The factor lambda is missing.
mean, not sum | np.sum( -> np.mean( | Take the sum over all weights, not a mean.
mean, not sum | lambda_ / m -> lambda_ / m / sum(w.size for w in weights)
mean, not sum | lambda_ / m -> lambda_ / m / len(weights)
signed sum | return lambda_ / m * sum(np.sum(w) for w in weights) | Positive and negative weights cancel; treat each one before adding up.
norm | return lambda_ / m * np.sqrt(sum(np.sum(w**2) for w in weights)) | This looks like a norm; add up over all weights without taking a root.
norm | return lambda_ / m * sum(np.linalg.norm(w) for w in weights)
matrix norm | return lambda_ / m * np.linalg.norm(weights[0], 1) | np.linalg.norm(w, 1) is a largest column sum; add up over all entries.
one array only | in weights -> in weights[:1] | Only one array of the list seems to count; add up all of them.
one array only | in weights -> in weights[-1:]
matrices only | in weights -> in weights if w.ndim > 1 | The one-dimensional array seems to be left out; every array counts here.
"""


@formula(
    "2.1 The L2 penalty",
    points=2,
    cases=_weights,
    hints=[ALL_ENTRIES, "Loop over the arrays, and use np.sum of the squares of each."],
    otherwise="The penalty should be lambda / m times the sum of the squared weights.",
    mistakes=PENALTY_MISTAKES
    + """
measured the sum | np.sum(w**2) -> np.sum(w) ** 2 | Treat each weight before adding up, not the sum afterwards.
measured the sum | sum(np.sum(w**2) for w in weights) -> sum(np.sum(w) for w in weights) ** 2
other penalty | w**2 -> np.abs(w) | L1 takes absolute values and L2 takes squares; this is the other penalty.
""",
)
def l2_penalty(weights, lambda_, m):
    """Return lambda / m times the sum of the squared weights; `weights` is a list of arrays."""
    return lambda_ / m * sum(np.sum(w**2) for w in weights)


@formula(
    "2.2 The L1 penalty",
    points=2,
    cases=_weights,
    hints=[ALL_ENTRIES, "Loop over the arrays, and use np.sum of the absolute values of each."],
    otherwise="The penalty should be lambda / m times the sum of the absolute values of the weights.",
    mistakes=PENALTY_MISTAKES
    + """
measured the sum | np.sum(np.abs(w)) -> np.abs(np.sum(w)) | Treat each weight before adding up, not the sum afterwards.
measured the sum | sum(np.sum(np.abs(w)) for w in weights) -> abs(sum(np.sum(w) for w in weights))
other penalty | np.abs(w) -> w**2 | L1 takes absolute values and L2 takes squares; this is the other penalty.
""",
)
def l1_penalty(weights, lambda_, m):
    """Return lambda / m times the sum of the absolute weights; `weights` is a list of arrays."""
    return lambda_ / m * sum(np.sum(np.abs(w)) for w in weights)


def _kinks(rng):
    for given, shape, dtype, small, points in (
        # Only L1 has a kink at zero, so that it alone is asked for twice.
        ("For weights away from zero", (3, 2), "float64", [], (None, 1)),
        ("For weights some of which are zero", (2, 4), "float32", [0, 0, 0.01, -0.01], (1, 1)),
    ):
        w = rng.uniform(0.2, 3, size=shape).astype(dtype)
        w.flat[::2] *= -1
        w.flat[: len(small)] = small
        yield Case(given, (w, rng.uniform(2.2, 3.8), int(rng.integers(50, 200))), points)


@formula(
    "2.2 The L1 penalty",
    points=3,
    cases=_kinks,
    hints=[
        "Differentiate for a single weight: w**2 and |w|; the factor lambda / m stays in front.",
        "|w| rises by 1 per unit right of zero and falls by 1 left of it; np.sign tells the side.",
    ],
    returns="the gradients of L2 and of L1",
    parts=[
        (
            ", in the gradient of L2",
            "It should be that of lambda / m times the sum of the squares.",
        ),
        (
            ", in the gradient of L1",
            "It should be that of lambda / m times the sum of the absolute values; at 0 it is 0, "
            "where w / |w| is no number.",
        ),
    ],
    mistakes="""
forgot m | lambda_ / m -> lambda_ | Divide by the number of training examples m.
forgot lambda | lambda_ / m -> 1 / m | The factor lambda is missing.
forgot 2 | 2 * lambda_ -> lambda_; / m * np -> / m / 2 * np | The derivative of w**2 has a factor 2.
penalty, not gradient | 2 * lambda_ / m * w -> lambda_ / m * w**2; sign -> abs | This is the penalty of each weight; take its derivative.
penalties swapped | return lambda_ / m * np.sign(w), 2 * lambda_ / m * w | This is the gradient of the other penalty.
wrong sign | lambda_ / m -> -lambda_ / m | The gradient points uphill, where the penalty grows; the sign is the other one.
no sign | m * w, -> m * np.abs(w),; np.sign -> np.sign(w) * np.sign | Left of 0 the penalty falls, so that the gradient is negative there.
no sign | sign -> ones_like
no slope 0 | np.sign(w) -> np.where(w < 0, -1, 1) | At exactly 0 take the slope 0, neither that on the left nor that on the right.
no slope 0 | np.sign(w) -> np.where(w > 0, 1, -1)
""",
)
def penalty_gradients(w, lambda_, m):
    """Return the gradients of lambda/m sum w^2 and of lambda/m sum |w| with respect to w."""
    return 2 * lambda_ / m * w, lambda_ / m * np.sign(w)


def _conventions(rng):
    for convention in ("lambda/m", "lambda/2m"):
        lambda_, m = rng.uniform(2.2, 3.8), int(rng.integers(50, 200))
        yield Case(f'In the convention "{convention}"', (lambda_, m, convention))


@formula(
    "2.3 Three conventions, one penalty",
    points=2,
    cases=_conventions,
    hints=[
        "Keras adds l2 * sum(w**2) to the loss, with no m and no 2. Set that equal to the "
        "convention's penalty and solve for l2.",
        'For "lambda/2m" the penalty is lambda / (2 m) times the sum of the squares.',
    ],
    otherwise="l2 * sum(w**2) should equal the penalty.",
    mistakes="""
forgot m | lambda_ / m -> lambda_; lambda_ / (2 * m) -> lambda_ / 2 | Divide by the number of training examples m.
forgot m | return lambda_
multiplied by m | / m -> * m; / (2 * m) -> / 2 * m | Divide by m instead of multiplying by it; mind the order of operations.
other convention | "lambda/m" -> "lambda/2m" | This is off by a factor of 2: it belongs to the other convention.
halved | 2 * m -> 4 * m | This is half of the right number; leave out the factor 1/2.
doubled | return 2 * lambda_ / m | This is 2 lambda / m; on which side of the equation does the 2 stand?
inverted | lambda_ / m -> m / lambda_; lambda_ / (2 * m) -> 2 * m / lambda_ | This is the inverse of the right number; solve for l2 again.
""",
)
def keras_l2(lambda_, m, convention):
    """Return the `l2` of Keras for a convention, "lambda/m" or "lambda/2m"."""
    return lambda_ / m if convention == "lambda/m" else lambda_ / (2 * m)


def _steps(rng):
    for given, shape in (("", (3, 2)), ("Where the gradient of the loss is zero", (2, 4))):
        w, gradient = (rng.uniform(0.5, 2, size=shape) for _ in range(2))
        w.flat[::2] *= -1
        gradient.flat[::3] *= -1
        if given:
            w, gradient = w.astype("float32"), np.zeros(shape, "float32")
            w[0, 0] = 0
        # Large enough that each factor can be told from 1.
        eta, lambda_, m = rng.uniform(0.1, 0.4), rng.uniform(2.2, 9), int(rng.integers(10, 30))
        yield Case(given, (w, gradient, eta, lambda_, m))


@formula(
    "2.4 Weight decay",
    points=2,
    cases=_steps,
    hints=[
        "The step goes against the gradient of the loss plus that of the penalty.",
        "The gradient of lambda / 2m times the sum of squares is lambda / m times w.",
        "Collect what multiplies w.",
    ],
    otherwise="The weight should decay by its share and then go down the gradient.",
    mistakes="""
no decay | (1 - learning_rate * lambda_ / m) * w -> w | The weight itself is not multiplied; where is the penalty?
no gradient | - learning_rate * gradient -> | The weight decays, but the gradient of the loss is missing.
uphill | - learning_rate * gradient -> + learning_rate * gradient | Go against the gradient: subtract it.
decayed the learning rate | return w - (1 - learning_rate * lambda_ / m) * learning_rate * gradient | The factor belongs to the weight, not to the learning rate.
no learning rate | learning_rate * lambda_ -> lambda_ | The share that is taken off depends on the learning rate, too.
forgot m | lambda_ / m -> lambda_ | Divide by the number of training examples m.
twice the decay | lambda_ / m -> 2 * lambda_ / m | This is twice the decay; the half in lambda / 2m cancels the 2 of the derivative.
half the decay | lambda_ / m -> lambda_ / m / 2 | This is half of the decay; the 2 of the derivative cancels the half in lambda / 2m.
decay after the step | return (1 - learning_rate * lambda_ / m) * (w - learning_rate * gradient) | The factor multiplies the old weight only, not the step.
decay added | (1 - -> (1 + | The weight grows here; without a gradient it should get smaller.
decay by an amount | (1 - learning_rate * lambda_ / m) * w -> w - learning_rate * lambda_ / m * np.sign(w) | Each weight loses the same amount; L2 takes the same share of each.
""",
)
def decay_step(w, gradient, learning_rate, lambda_, m):
    """Return w after a step on a loss with the penalty lambda/(2m) sum w^2."""
    return (1 - learning_rate * lambda_ / m) * w - learning_rate * gradient


def _penalty_on_every_kernel(answer, expect, rng):
    price = np.nan  # of the squares, as the first model has it
    for l2, points in ((0.01, 1), (rng.uniform(0.05, 0.5), 0)):
        expect.given = ""
        model = built(answer, expect, l2)
        images = rng.uniform(size=(5, 28, 28)).astype("float32")
        outputs = expect_outputs(answer, expect, images, model, (5, 10), "For five images")
        kernels = _kernels(answer.weights(model))
        squares, sizes = (np.array([np.sum(f(w)) for w in kernels]) for f in (np.square, np.abs))
        terms = answer.penalties(model)
        # An infinite penalty would be right for any factor.
        expect.require(
            np.isfinite(squares).all(), "Some weights are no numbers, or too large to be squared."
        )
        seen = f"The number of kernels is {len(kernels)}, expected at least 2."
        expect(len(kernels) > 1, points, "no hidden layer", seen=seen)
        expect.require(squares.all(), "zero kernel")
        expect(
            bool(terms) and np.all(terms),
            points,
            "The model has no penalty at all; which argument of a layer takes one?",
            {"biases": bool(terms)},
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
            mistakes=expect.mistakes(
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
    expect.given = ""
    expect_probabilities(expect, outputs, "For five images")


def _kernels(weights):
    # Whatever a layer calls them: other arrays of several axes, say biases, are constant at first.
    return [
        w["value"].astype(float)
        for w in weights
        if w["value"].ndim > 1 and (w["path"].endswith("kernel") or np.ptp(w["value"]) > 0)
    ]


@exercise(
    "2.5 What a penalty does to a network",
    points=4,
    seconds=20,
    requires=_penalty_on_every_kernel,
    hints=[
        "Dense takes a kernel_regularizer; keras.regularizers.L2(l2) is one.",
        "The output layer has a kernel, too.",
        "The sum of model.losses should be l2 times the sum of the squares of all kernels.",
    ],
    mistakes="""
no hidden layer | 2 | layers.Dense(64, activation="relu", kernel_regularizer=penalty), -> | A hidden layer is missing.
zero kernel | 1 | kernel_reg -> kernel_initializer="zeros", kernel_reg | A kernel is all zero, where no penalty shows; leave its initializer out.
biases | 2 | =penalty -> =penalty, bias_regularizer=penalty | A term of the penalty is zero: is it on the biases, which start at zero?
biases | 1 | kernel_regularizer -> bias_regularizer
activities | 2 | kernel_regularizer -> activity_regularizer | The penalty changes with the input: it is on activities, not on kernels.
l2 ignored | 3 | L2(l2) -> L2(0.01) | The penalty does not change with l2; is the argument used?
l2 ignored | 2 | L2(l2) -> L2(0.001)
some kernels only | 2 | "softmax", kernel_regularizer=penalty -> "softmax" | Not every kernel carries the penalty; look at each layer.
some kernels only | 2 | "relu", kernel_regularizer=penalty -> "relu"
halved | 2 | L2(l2) -> L2(l2 / 2) | This is half of the right number; leave out the factor 1/2.
other penalty | 2 | L2(l2) -> L1(l2) | L1 takes absolute values and L2 takes squares; this is the other penalty.
norm | 2 | keras.regularizers.L2(l2) -> lambda w: l2 * keras.ops.norm(w) | This looks like a norm; add up over all weights without taking a root.
""",
)
def build_l2_mlp(l2):
    """Return an MLP for 28 x 28 images, with the penalty l2 * sum w^2 on every kernel."""
    penalty = keras.regularizers.L2(l2)
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(64, activation="relu", kernel_regularizer=penalty),
            layers.Dense(10, activation="softmax", kernel_regularizer=penalty),
        ]
    )


def _labels(rng):
    for given, classes, n, dtype in (
        ("For eight labels", 4, 8, "int64"),
        ("For a single label of type uint8", 10, 1, "uint8"),
    ):
        # The last class does not occur, so that it cannot be counted from the labels.
        alpha = rng.uniform(0.05, 0.4)
        yield Case(given, (rng.integers(classes - 1, size=n).astype(dtype), classes, alpha))


@formula(
    "2.8 Label smoothing",
    points=2,
    cases=_labels,
    hints=[
        "First one-hot labels: np.eye(classes)[labels] has a row for each example.",
        "Each row should still add up to 1: what is taken off the right class is spread over all.",
    ],
    otherwise="Each row should hold one example's label, a share alpha of it spread evenly over all "
    "classes.",
    mistakes="""
other classes only | + alpha / classes -> + alpha / (classes - 1) * (1 - np.eye(classes)[labels]) | The share alpha goes to all classes, the right one included.
label kept whole | (1 - alpha) * -> | The right class keeps its whole 1; the row adds up to more than 1.
label kept whole | (1 - alpha) * np.eye(classes)[labels] -> np.maximum(np.eye(classes)[labels], alpha / classes) - alpha / classes
label kept whole | return np.where(np.eye(classes)[labels] > 0, 1, alpha / (classes - 1))
no part for the right class | / classes -> / classes * (1 - np.eye(classes)[labels]) | The right class gets its part of alpha, too; the row adds up to less than 1.
not divided | alpha / classes -> alpha | Each class gets an equal part of alpha, not all of it.
not divided | alpha / classes -> alpha * (1 - np.eye(classes)[labels])
alpha swapped | (1 - alpha) -> alpha; + alpha -> + (1 - alpha) | alpha and 1 - alpha have changed places.
not smoothed | return np.eye(classes)[labels] | These are one-hot labels; what does alpha do?
nothing spread | + alpha / classes -> | What is taken off the right class has to go to all classes.
half of alpha | (1 - alpha) -> (1 - alpha / 2); / classes -> / classes / 2 | This is the smoothing for half of alpha.
counted from 1 | [labels] -> [labels.astype(int) - 1] | The classes are numbered from 0.
""",
)
def smooth_labels(labels, classes, alpha):
    """Return smoothed labels, shape (n, classes), of class numbers, shape (n,)."""
    return (1 - alpha) * np.eye(classes)[labels] + alpha / classes
