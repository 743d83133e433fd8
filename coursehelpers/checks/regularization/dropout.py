"""What a model drops in training, told from what it puts out."""

import numpy as np

from coursehelpers.checks.answers import AnswerError
from coursehelpers.checks.models import predict


def other_rates(answer, model, rate):
    """Return the rates in the configuration of a model that are not `rate`.

    A subclass may have none.
    """
    try:
        nested = [answer.config(model)]
    except AnswerError:
        return []
    rates = []
    while nested:
        part = nested.pop()
        if isinstance(part, dict):
            numbers = (int, float)
            rates += [v for key, v in part.items() if key == "rate" and isinstance(v, numbers)]
            nested += part.values()
        elif isinstance(part, list):
            nested += part
    return [share for share in rates if not np.isclose(share, rate)]


def drops_pixels(answer, model):
    """Tell whether an image of a single pixel is now and then taken for a black one.

    For a rate of 1/2: of few hidden units, too, all that a pixel sets off may be dropped, but of
    three units that happens in a third of the images, of more in fewer.
    """
    images = np.zeros((393, 28, 28), "float32")
    images.reshape(393, 784)[np.arange(392), np.arange(0, 784, 2)] = 5  # the last one is black
    used, trained = (predict(answer, images, model, (393, 10), mode) for mode in (False, True))
    never, now = (np.isclose(p[:-1], used[-1], atol=1e-7).all(axis=1) for p in (used, trained))
    return np.mean(now[~never]) > 0.4


def drops_scores(used, trained):
    """Tell whether several classes have the same probability in training, but not in use.

    Scores that are dropped are equal, whatever the image.
    """
    in_use, in_training = (
        np.mean((np.diff(np.sort(p, axis=1), axis=1) == 0).any(axis=1)) for p in (used, trained)
    )
    return in_training > in_use + 0.5


def noise(used, *trained):
    """Return the variance of the scores in training over that from image to image in use."""
    scores = [np.log(np.maximum(p, 1e-30)) for p in (*trained, used)]
    return np.mean((scores[0] - scores[1]) ** 2) / np.mean(np.var(scores[2], axis=0))
