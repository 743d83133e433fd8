"""Right and wrong answers to the exercise calibration_error."""

import numpy as np

from tests.answers import accepted, refused


def binned(confidence, correct, bins):
    """Share, accuracy and confidence of each bin in use."""
    number = np.ceil(confidence * bins)
    return np.transpose(
        [
            (np.mean(number == b), correct[number == b].mean(), confidence[number == b].mean())
            for b in np.unique(number)
        ]
    )


@accepted("bins in use only")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    share, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.sum(share * np.abs(accuracy - confidence))


@accepted("np.digitize, in float32")
def calibration_error(y, probabilities, bins):
    probabilities = probabilities.astype("float32")
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == y
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1])
    error = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return np.float32(error)


@accepted("sums of signed distances, plain Python")
def calibration_error(y, probabilities, bins):
    sums = [0.0] * bins
    for label, row in zip(y.tolist(), probabilities.tolist(), strict=True):
        confidence = max(row)
        sums[min(int(confidence * bins), bins - 1)] += (row.index(confidence) == label) - confidence
    return sum(abs(total) for total in sums) / len(y)


@accepted("the package's own")
def calibration_error(y, probabilities, bins):
    from coursehelpers.metrics import expected_calibration_error

    return expected_calibration_error(y, probabilities, bins)


@refused("not weighted", says="by its share", misconception="not weighted")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    _, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.mean(np.abs(accuracy - confidence))


@refused("empty bins count", says="by its share", misconception="not weighted")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    _, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.sum(np.abs(accuracy - confidence)) / bins


@refused("added up", says="adds up the distances", misconception="sum over bins")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    _, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.sum(np.abs(accuracy - confidence))


@refused("signed", says="not sure enough cancel", misconception="signed")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    share, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.sum(share * (confidence - accuracy))


@refused("largest bin", says="the largest distance", misconception="largest bin")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    _, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.max(np.abs(accuracy - confidence))


@refused("overall", says="distance in each bin", misconception="signed")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    return abs(correct.mean() - probabilities.max(axis=1).mean())


@refused("squared", says="without squares", misconception="squared")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    share, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.sum(share * (accuracy - confidence) ** 2)


@refused(
    "probability of the label", says="not that of the label", misconception="label probability"
)
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    of_label = probabilities[np.arange(len(y)), y]
    share, accuracy, confidence = binned(of_label, correct, bins)
    return np.sum(share * np.abs(accuracy - confidence))


@refused("a mean over an empty bin", says="nan")
def calibration_error(y, probabilities, bins):
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    number = np.ceil(confidence * bins)
    inside = [number == b for b in range(1, bins + 1)]
    return sum(i.mean() * abs(correct[i].mean() - confidence[i].mean()) for i in inside)


@refused("accuracy", says="mean distance of accuracy and confidence")
def calibration_error(y, probabilities, bins):
    return np.mean(probabilities.argmax(axis=1) == y)
