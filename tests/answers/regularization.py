"""Answers to the exercises of the regularization notebook, right and wrong."""

import numpy as np

from tests.answers import accepted, refused


# l2_penalty


@accepted("NumPy")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2) for w in weights)


@refused("forgot to divide by m", says="Divide by the number of training examples")
def l2_penalty(weights, lambda_, m):
    return lambda_ * sum(np.sum(w**2) for w in weights)
