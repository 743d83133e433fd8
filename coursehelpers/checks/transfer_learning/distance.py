"""Part 3 of the transfer learning notebook: staying near the pre-trained hypothesis."""

from functools import partial

import numpy as np

from coursehelpers.checks.formula import Case, formula

formula = partial(formula, notebook="transfer_learning")


def _examples(rng):
    for m, d, points, given in (
        (20, 4, 1, "With more examples than weights"),
        (4, 9, 2, "With fewer examples than weights"),
        (1, 1, 0, "With a single example and a single weight"),
    ):
        x, y, w0 = rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(1, size=d)
        if m == 1:  # an example that is clearly against the pre-trained weight
            x += np.sign(x)
            y = -np.sign(x @ w0) * (1 + np.abs(y))
        yield Case(given, (x, y, w0, rng.uniform(1.5, 3)), points)


@formula(
    "3.1 Ridge regression towards a hypothesis",
    points=3,
    cases=_examples,
    hints=[
        "Set the gradient to zero: X^T (X w - y) + lambda (w - w0) = 0.",
        "Collect what multiplies w on one side and the rest on the other.",
        "np.linalg.solve(A, b) solves A w = b, with A = X^T X + lambda I.",
    ],
    otherwise="At your weights the gradient of the cost is not zero, as it is at the minimum.",
    mistakes="""
pulled to zero | + lambda_ * w0 -> | This pulls the weights to zero; where do the pre-trained ones come in?
added afterwards | + lambda_ * w0) -> ) + w0 | The pre-trained weights are added to a fit that knows nothing of them.
added afterwards | + lambda_ * w0) -> ) + lambda_ * w0
forgot lambda | lambda_ * w0 -> w0 | Does every term have its lambda?
forgot lambda | lambda_ * np.eye -> np.eye
one factor 2 | lambda_ -> lambda_ / 2 | Each of the two squares gives a factor 2 in the gradient; both or neither.
one factor 2 | lambda_ -> 2 * lambda_
lambda squared | lambda_ -> lambda_**2 | Lambda counts as it is, without a square.
divided by m | lambda_ -> len(y) * lambda_ | The sums are not divided by the number of examples here.
wrong sign | + lambda_ * w0 -> - lambda_ * w0 | One of the terms has the wrong sign.
wrong sign | + lambda_ -> - lambda_
no penalty | return np.linalg.pinv(x) @ y | This is plain least squares; where is the penalty?
data ignored | return w0 | These are the pre-trained weights themselves; where do the data come in?
""",
)
def ridge_towards(x, y, w0, lambda_):
    """Return the w that minimizes ||y - x w||^2 + lambda ||w - w0||^2."""
    return np.linalg.solve(x.T @ x + lambda_ * np.eye(len(w0)), x.T @ y + lambda_ * w0)


def _networks(rng):
    kernels, lambda_ = [(4, 3), (2, 2, 3, 1)], rng.uniform(1.5, 4)
    for given, shapes, dtype in (
        ("For a single array", kernels[:1], "float64"),
        # The weights of a network have single precision, and a bias may be a single number.
        ("For a list of kernels and biases", [kernels[0], (3,), kernels[1], (1,)], "float32"),
    ):
        weights, pretrained = (
            [rng.normal(0.5, size=shape).astype(dtype) for shape in shapes] for _ in range(2)
        )
        yield Case(given, (weights, pretrained, lambda_))
    yield Case(
        "At the pre-trained weights",
        (weights, weights, lambda_),
        otherwise="There is no distance, so that nothing should be added to the loss.",
    )


@formula(
    "3.2 The distance to the pre-trained weights",
    points=3,
    cases=_networks,
    hints=[
        "zip(weights, pretrained) gives each array with its own pre-trained one.",
        "For one pair it is np.sum((w - w0)**2); add these up and multiply by lambda.",
    ],
    otherwise="The penalty should be lambda times the sum of all squared distances.",
    mistakes="""
forgot lambda | lambda_ * -> | Does every term have its lambda?
lambda squared | lambda_ -> lambda_**2 | Lambda counts as it is, without a square.
halved | lambda_ -> lambda_ / 2 | It is half of the right number; is there a 1/2 in the formula?
doubled | lambda_ -> 2 * lambda_ | It is twice the right number.
wrong sign | lambda_ -> -lambda_ | One of the terms has the wrong sign.
pulled to zero | (w - w0) ** 2 -> w**2 | This pulls the weights to zero; where do the pre-trained ones come in?
difference of squares | (w - w0) ** 2 -> w**2 - w0**2 | First the difference of the weights, then its square.
difference of squares | return lambda_ * abs(sum(np.sum(w**2) for w in weights) - sum(np.sum(w**2) for w in pretrained))
square of the sum | np.sum((w - w0) ** 2) -> np.sum(w - w0) ** 2 | First the squares, then the sum.
square of the sum | np.sum((w - w0) ** 2) -> np.sum(w - w0); strict=True)) -> strict=True)) ** 2
root | strict=True)) -> strict=True)) ** 0.5 | Squared distances have no root.
root | np.sum((w - w0) ** 2) -> np.linalg.norm(w - w0)
absolute values | (w - w0) ** 2 -> np.abs(w - w0) | The distances count with their squares, not with their absolute values.
mean | np.sum( -> np.mean( | This is a mean; the squares are to be added up.
mean | np.sum( -> np.mean(; lambda_ -> lambda_ / len(weights)
mean | lambda_ -> lambda_ / len(weights)
some arrays only | (weights, pretrained -> (weights[:1], pretrained[:1] | Some of the arrays do not count; add up all of them, biases too.
some arrays only | (weights, pretrained -> (weights[-1:], pretrained[-1:]
some arrays only | strict=True) -> strict=True) if w.ndim > 1
some arrays only | strict=True) -> strict=True) if w.ndim == 1 or len(weights) == 1
""",
)
def l2_sp_penalty(weights, pretrained, lambda_):
    """Return lambda times the squared distance of all weights to the pre-trained ones."""
    return lambda_ * sum(np.sum((w - w0) ** 2) for w, w0 in zip(weights, pretrained, strict=True))
