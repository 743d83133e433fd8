"""What a model drops in training, told from what it puts out."""

import numpy as np

from coursehelpers.checks.answers import AnswerError
from coursehelpers.checks.models import predict


def other_rates(answer, model, rate):
    """Return the rates in the configuration of a model that are not `rate`.

    A subclass may have none.
    """
    rates = [part["rate"] for part in _parts(_config(answer, model)) if _has_rate(part)]
    return [share for share in rates if not np.isclose(share, rate)]


def _config(answer, model):
    try:
        return answer.config(model)
    except AnswerError:
        return {}


def _parts(config):
    """Return all dicts in a configuration, from the first layer to the last."""
    if isinstance(config, dict):
        yield config
    if isinstance(config, list | dict):
        for part in config.values() if isinstance(config, dict) else config:
            yield from _parts(part)


def _has_rate(part):
    return isinstance(part.get("rate"), int | float)


def _starts_with_dropout(config):
    for part in _parts(config):
        layer = part.get("config") if "class_name" in part else None
        if isinstance(layer, dict) and (_has_rate(layer) or layer.keys() & {"units", "filters"}):
            return _has_rate(layer)
    return False


def drops_pixels(answer, model):
    """Tell whether an image of a single pixel is now and then taken for a black one.

    Or whether a layer before the first hidden one has a rate: what it puts out need not be black.
    For a rate of 1/2: of few hidden units, too, all that a pixel sets off may be dropped, but of
    three units that happens in a third of the images, of more in fewer.
    """
    if _starts_with_dropout(_config(answer, model)):
        return True
    images = np.zeros((393, 28, 28), "float32")
    images.reshape(393, 784)[np.arange(392), np.arange(0, 784, 2)] = 5  # the last one is black
    used, trained = (predict(answer, images, model, (393, 10), mode) for mode in (False, True))
    never, now = (np.isclose(p[:-1], used[-1], atol=1e-7).all(axis=1) for p in (used, trained))
    return np.mean(now[~never]) > 0.4


def drops_scores(used, trained):
    """Tell whether several classes have the same probability in training, but not in use.

    Scores that are dropped are equal, whatever the image. All are where every unit is dropped.
    """
    equal = [np.diff(np.sort(p, axis=1), axis=1) == 0 for p in (used, trained)]
    in_use, in_training = (np.mean(e.any(axis=1) & ~e.all(axis=1)) for e in equal)
    return in_training > in_use + 0.5


def drops_units(answer, model, images):
    """Tell whether a model of nearly the rate one puts out the same for nearly all images.

    What disturbs the units, but drops none, leaves each image its own outputs.
    """
    # Dark images, because units that are kept are scaled up until all probabilities are 0 or 1.
    outputs = predict(answer, images / 1000, model, (len(images), 10), training=True)
    same = np.isclose(outputs[:, None], outputs, atol=1e-6).all(axis=-1)
    return same.mean(axis=1).max() > 0.5


def noise(used, *trained):
    """Return the variance of the scores in training over that from image to image in use."""
    one, other = map(_scores, trained)
    return np.mean((one - other) ** 2) / np.mean(np.var(_scores(used), axis=0))


def signal(used, trained):
    """Return the variance of the scores from image to image, in training over in use."""
    return np.mean(np.var(_scores(trained), axis=0)) / np.mean(np.var(_scores(used), axis=0))


def _scores(probabilities):
    return np.log(np.maximum(probabilities, 1e-30))
