"""Right and wrong answers to the exercise calibration_error."""

import itertools
import math

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
    place = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    error = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return np.float32(error)


@accepted("sums of signed distances, plain Python")
def calibration_error(y, probabilities, bins):
    sums = [0.0] * bins
    for label, row in zip(y.tolist(), probabilities.tolist()):  # noqa: B905
        confidence = max(row)
        bin_ = math.ceil(confidence * bins) - 1
        sums[bin_] = sums[bin_] + (row.index(confidence) == label) - confidence
    return sum(abs(total) for total in sums) / len(y)


@accepted("the package's own")
def calibration_error(y, probabilities, bins):
    from coursehelpers.metrics import expected_calibration_error

    return expected_calibration_error(y, probabilities, bins)


@refused("overall", says="distance in each bin", misconception="signed")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    return abs(correct.mean() - probabilities.max(axis=1).mean())


@refused(
    "a mean over an empty bin",
    says="empty bins add nothing. For one example your answer is nan",
    earned=1,
)
def calibration_error(y, probabilities, bins):
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    number = np.ceil(confidence * bins)
    inside = [number == b for b in range(1, bins + 1)]
    return sum(i.mean() * abs(correct[i].mean() - confidence[i].mean()) for i in inside)


@refused("accuracy", says="mean distance of accuracy and confidence")
def calibration_error(y, probabilities, bins):
    return np.mean(probabilities.argmax(axis=1) == y)


@accepted("masks between two edges")
def calibration_error(y, probabilities, bins):
    edges = np.linspace(0, 1, bins + 1)
    confidence = np.max(probabilities, axis=1)
    surplus = (np.argmax(probabilities, axis=1) == y) - confidence
    error = 0
    for low, high in itertools.pairwise(edges):
        error += abs(surplus[(confidence > low) & (confidence <= high)].sum())
    return error / len(y)


@accepted("pandas")
def calibration_error(y, probabilities, bins):
    import pandas as pd

    table = pd.DataFrame({"confidence": probabilities.max(axis=1)})
    table["accuracy"] = (probabilities.argmax(axis=1) == y).astype(float)
    groups = table.groupby(pd.cut(table["confidence"], np.linspace(0, 1, bins + 1)), observed=True)
    means = groups.mean()
    return np.average((means["accuracy"] - means["confidence"]).abs(), weights=groups.size())


@accepted("histograms of places")
def calibration_error(y, probabilities, bins):
    confidence = probabilities.max(axis=1)
    place = np.ceil(confidence * bins).astype(int)
    hits = np.bincount(place, probabilities.argmax(axis=1) == y)
    return np.abs(hits - np.bincount(place, confidence)).sum() / y.size


def by_place(y, probabilities, place):
    """The error for bins that are given by their number."""
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    return sum(
        np.mean(place == b) * abs(correct[place == b].mean() - confidence[place == b].mean())
        for b in np.unique(place)
    )


@refused("lower edges", says="to the bin below it", earned=2, misconception="lower edges")
def calibration_error(y, probabilities, bins):
    edges = np.linspace(0, 1, bins + 1)
    return by_place(y, probabilities, np.digitize(probabilities.max(axis=1), edges))


@refused("1 in no bin", says="1 to the last bin", earned=2, misconception="lower edges")
def calibration_error(y, probabilities, bins):
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    error = 0
    for b in range(bins):
        inside = (confidence >= b / bins) & (confidence < (b + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return error


@refused("bins counted from 0", says="The last bin", misconception="last bin left out")
def calibration_error(y, probabilities, bins):
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    number, error = np.ceil(confidence * bins), 0
    for b in range(bins):
        inside = number == b
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return error


@refused("a distance for each prediction", says="weighted by their size")
def calibration_error(y, probabilities, bins):
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    return np.mean(np.abs(correct - confidence))


@refused("in per cent", says="weighted by their size")
def calibration_error(y, probabilities, bins):
    return 100 * by_place(y, probabilities, np.ceil(probabilities.max(axis=1) * bins))


@refused("the distances, a list", says="expected one number")
def calibration_error(y, probabilities, bins):
    correct = probabilities.argmax(axis=1) == y
    _, accuracy, confidence = binned(probabilities.max(axis=1), correct, bins)
    return np.abs(accuracy - confidence)
