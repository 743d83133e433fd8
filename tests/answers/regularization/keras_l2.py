"""Right and wrong answers to the exercise keras_l2."""

import numpy as np

from tests.answers import accepted, refused

WEIGHTS = np.array([3.0, -4.0], dtype="float32")


@accepted("conditional expression")
def keras_l2(lambda_, m, convention):
    return lambda_ / m if convention == "lambda/m" else lambda_ / (2 * m)


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


@refused(
    "convention ignored", says="the other convention", earned=1, misconception="other convention"
)
def keras_l2(lambda_, m, convention):
    return lambda_ / m


@refused("always 2m", says="the other convention", earned=1, misconception="other convention")
def keras_l2(lambda_, m, convention):
    return lambda_ / (2 * m)


@refused("conventions swapped", says="the other convention", misconception="other convention")
def keras_l2(lambda_, m, convention):
    return lambda_ / m if convention == "lambda/2m" else lambda_ / (2 * m)


@refused("2 on the wrong side", says="off by a factor of 2", misconception="other convention")
def keras_l2(lambda_, m, convention):
    return lambda_ / (2 * m) if convention == "lambda/m" else lambda_ / (4 * m)


@refused("lambda as it is", says="Divide by the number of", misconception="forgot m")
def keras_l2(lambda_, m, convention):
    return lambda_


@refused("no m", says="Divide by the number of training examples", misconception="forgot m")
def keras_l2(lambda_, m, convention):
    return lambda_ if convention == "lambda/m" else lambda_ / 2


@refused(
    "wrong order of operations", says="mind the order", earned=1, misconception="multiplied by m"
)
def keras_l2(lambda_, m, convention):
    return lambda_ / m if convention == "lambda/m" else lambda_ / 2 * m


@refused("inverted", says="the inverse of the right number", misconception="inverted")
def keras_l2(lambda_, m, convention):
    return m / lambda_ if convention == "lambda/m" else 2 * m / lambda_


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


@refused("twice instead of half", says="does the 2 stand", earned=1, misconception="doubled")
def keras_l2(lambda_, m, convention):
    return lambda_ / m if convention == "lambda/m" else 2 * lambda_ / m


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
