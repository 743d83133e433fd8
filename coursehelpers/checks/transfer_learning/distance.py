"""Part 3 of the transfer learning notebook: staying near the pre-trained hypothesis."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from

exercise = partial(exercise, notebook="transfer_learning")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "pulled to zero": "This pulls the weights to zero; where do the pre-trained ones come in?",
        "added afterwards": "The pre-trained weights are added to a fit that knows nothing of them.",
        "forgot lambda": "Does every term have its lambda?",
        "lambda squared": "Lambda counts as it is, without a square.",
        "one factor 2": "Each of the two squares gives a factor 2 in the gradient; both or neither.",
        "divided by m": "The sums are not divided by the number of examples here.",
        "no penalty": "This is plain least squares; where is the penalty?",
        "data ignored": "These are the pre-trained weights themselves; where do the data come in?",
        "wrong sign": "One of the terms has the wrong sign.",
        "halved": "It is half of the right number; is there a 1/2 in the formula?",
        "doubled": "It is twice the right number.",
        "difference of squares": "First the difference of the weights, then its square.",
        "square of the sum": "First the squares, then the sum.",
        "root": "Squared distances have no root.",
        "absolute values": "The distances count with their squares, not with their absolute values.",
        "mean": "This is a mean; the squares are to be added up.",
        "some arrays only": "Some of the arrays do not count; add up all of them, biases too.",
    }
)


@exercise(
    "ridge_towards",
    section="3.1 Ridge regression towards a hypothesis",
    points=3,
    hints=[
        "Set the gradient to zero: X^T (X w - y) + lambda (w - w0) = 0.",
        "Collect what multiplies w on one side and the rest on the other.",
        "np.linalg.solve(A, b) solves A w = b, with A = X^T X + lambda I.",
    ],
)
def ridge_towards(answer, expect, rng):
    for m, d, points, given in (
        (20, 4, 1, "With more examples than weights"),
        (4, 9, 2, "With fewer examples than weights"),
        (1, 1, 0, "With a single example and a single weight"),
    ):
        expect.given = given
        x, y, w0 = rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(1, size=d)
        if m == 1:  # an example that is clearly against the pre-trained weight
            x += np.sign(x)
            y = -np.sign(x @ w0) * (1 + np.abs(y))
        lambda_ = rng.uniform(1.5, 3)
        plain, identity = np.linalg.pinv(x) @ y, np.eye(d)

        def ridge(lambda_, right, x=x, identity=identity):
            return np.linalg.solve(x.T @ x + lambda_ * identity, right)

        to_zero = ridge(lambda_, x.T @ y)
        expect.close(
            answer.call(x, y, w0, lambda_),
            ridge(lambda_, x.T @ y + lambda_ * w0),
            points=points,
            otherwise="At your weights the gradient of the cost is not zero, as it is at the "
            "minimum.",
            mistakes=known(
                ("pulled to zero", to_zero),
                ("added afterwards", to_zero + w0),
                ("added afterwards", to_zero + lambda_ * w0),
                ("forgot lambda", ridge(lambda_, x.T @ y + w0)),
                ("forgot lambda", ridge(1, x.T @ y + lambda_ * w0)),
                ("one factor 2", ridge(lambda_ / 2, x.T @ y + lambda_ / 2 * w0)),
                ("one factor 2", ridge(2 * lambda_, x.T @ y + 2 * lambda_ * w0)),
                ("lambda squared", ridge(lambda_**2, x.T @ y + lambda_**2 * w0)),
                ("divided by m", ridge(m * lambda_, x.T @ y + m * lambda_ * w0)),
                ("wrong sign", ridge(lambda_, x.T @ y - lambda_ * w0)),
                ("wrong sign", ridge(-lambda_, x.T @ y - lambda_ * w0)),
                ("no penalty", plain),
                ("data ignored", w0),
            ),
        )


@exercise(
    "l2_sp_penalty",
    section="3.2 The distance to the pre-trained weights",
    points=3,
    hints=[
        "zip(weights, pretrained) gives each array with its own pre-trained one.",
        "For one pair it is np.sum((w - w0)**2); add these up and multiply by lambda.",
    ],
)
def l2_sp_penalty(answer, expect, rng):
    kernels, lambda_ = [(4, 3), (2, 2, 3, 1)], rng.uniform(1.5, 4)
    for given, shapes, dtype in (
        ("For a single array", kernels[:1], "float64"),
        # The weights of a network have single precision, and a bias may be a single number.
        ("For a list of kernels and biases", [kernels[0], (3,), kernels[1], (1,)], "float32"),
    ):
        expect.given = given
        weights, pretrained = (
            [rng.normal(0.5, size=shape).astype(dtype) for shape in shapes] for _ in range(2)
        )
        pairs = list(zip(weights, pretrained, strict=True))
        squares = np.array([np.sum((w - w0) ** 2) for w, w0 in pairs])
        sizes = np.array([np.sum(np.abs(w - w0)) for w, w0 in pairs])
        means = np.array([np.mean((w - w0) ** 2) for w, w0 in pairs])
        sums = np.array([np.sum(w - w0) for w, w0 in pairs])
        of_kernels = np.array([len(shape) > 1 for shape in shapes])
        own, other = (np.array([np.sum(w**2) for w in of]) for of in (weights, pretrained))
        parts = [squares[:1], squares[-1:], squares[of_kernels], squares[~of_kernels]]
        values = [
            ("pulled to zero", own.sum()),
            ("difference of squares", own.sum() - other.sum()),
            ("difference of squares", np.abs(own.sum() - other.sum())),
            ("square of the sum", np.sum(sums**2)),
            ("square of the sum", sums.sum() ** 2),
            ("root", np.sqrt(squares.sum())),
            ("root", np.sqrt(squares).sum()),
            ("absolute values", sizes.sum()),
            ("mean", means.sum()),
            ("mean", means.mean()),
            ("mean", squares.mean()),
            *(("some arrays only", part.sum()) for part in parts if len(part)),
        ]
        right = lambda_ * squares.sum()
        expect.close(
            answer.call(weights, pretrained, lambda_),
            right,
            points=1,
            otherwise="The penalty should be lambda times the sum of all squared distances.",
            mistakes=known(
                ("forgot lambda", right / lambda_),
                ("lambda squared", right * lambda_),
                ("halved", right / 2),
                ("doubled", 2 * right),
                ("wrong sign", -right),
                *((name, lambda_ * value) for name, value in values),
            ),
        )
    expect.given = "At the pre-trained weights"
    expect.close(
        answer.call(weights, weights, lambda_),
        0,
        points=1,
        otherwise="There is no distance, so that nothing should be added to the loss.",
        mistakes=known(("pulled to zero", lambda_ * own.sum())),
    )
