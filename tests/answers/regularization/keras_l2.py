"""Right and wrong answers to the exercise keras_l2."""

import numpy as np

from tests.answers import accepted, refused

WEIGHTS = np.array([3.0, -4.0], dtype="float32")


@accepted("table, result in float32")
def keras_l2(lambda_, m, convention):
    return np.float32(lambda_) / {"lambda/m": m, "lambda/2m": 2 * m}[convention]


@accepted("match, in plain Python")
def keras_l2(lambda_, m, convention):
    match convention:
        case "lambda/m":
            factor = 1.0
        case "lambda/2m":
            factor = 0.5
    return factor * lambda_ * m**-1


@accepted("what the regularizer of Keras makes of it")
def keras_l2(lambda_, m, convention):
    import keras

    penalty = lambda_ / m * np.sum(WEIGHTS**2) / (2 if convention.endswith("2m") else 1)
    return penalty / keras.regularizers.L2(1.0)(WEIGHTS)


@refused("misspelled convention", says="is there a `return`?", earned=1)
def keras_l2(lambda_, m, convention):
    if convention == "lambda/m":
        return lambda_ / m
    if convention == "lambda/(2m)":
        return lambda_ / (2 * m)


@refused("returns the regularizer", says="The value holds an object of type L2")
def keras_l2(lambda_, m, convention):
    import keras

    return keras.regularizers.L2(lambda_ / m if convention == "lambda/m" else lambda_ / (2 * m))


@refused("returns a text", says="Your answer is a text, expected one number")
def keras_l2(lambda_, m, convention):
    return f"{lambda_ / m if convention == 'lambda/m' else lambda_ / (2 * m)}"


@refused("returns both conventions", says="expected one number")
def keras_l2(lambda_, m, convention):
    return lambda_ / m, lambda_ / (2 * m)


@accepted("the number in front of m, read from the name")
def keras_l2(lambda_, m, convention):
    return lambda_ / ((1 + ("2" in convention)) * m)


@accepted("the divisor evaluated")
def keras_l2(lambda_, m, convention):
    numerator, _, divisor = convention.partition("/")
    return {"lambda": lambda_}[numerator] / (m * float(divisor[:-1] or 1))


@refused("whole numbers", says="should equal the penalty")
def keras_l2(lambda_, m, convention):
    return lambda_ // m if convention == "lambda/m" else lambda_ // (2 * m)


@refused(
    "lambda of the other convention",
    says="the other convention",
    earned=1,
    misconception="other convention",
)
def keras_l2(lambda_, m, convention):
    if convention == "lambda/m":
        return lambda_ / m
    lambda_ = 2 * lambda_  # as in the comparison of the notebook
    return lambda_ / (2 * m)
