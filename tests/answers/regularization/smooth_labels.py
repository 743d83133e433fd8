"""Right and wrong answers to the exercise smooth_labels."""

import numpy as np

from tests.answers import accepted, refused


@accepted("Keras, in float32")
def smooth_labels(labels, classes, alpha):
    import keras

    return keras.utils.to_categorical(labels, classes) * (1 - alpha) + alpha / classes


@accepted("np.full and an assignment")
def smooth_labels(labels, classes, alpha):
    smoothed = np.full((len(labels), classes), alpha / classes)
    smoothed[np.arange(len(labels)), labels] += 1 - alpha
    return smoothed


@accepted("nested lists")
def smooth_labels(labels, classes, alpha):
    rest = alpha / classes
    return [[1 - alpha + rest if k == label else rest for k in range(classes)] for label in labels]


@refused("over the others", says="the right one included", misconception="other classes only")
def smooth_labels(labels, classes, alpha):
    one_hot = np.eye(classes)[labels]
    return (1 - alpha) * one_hot + alpha / (classes - 1) * (1 - one_hot)


@refused("classes counted from the labels", says="expected an array of shape (8, 4)")
def smooth_labels(labels, classes, alpha):
    classes = labels.max() + 1
    return (1 - alpha) * np.eye(classes)[labels] + alpha / classes


@refused("class numbers smoothed", says="expected an array of shape (8, 4)")
def smooth_labels(labels, classes, alpha):
    return (1 - alpha) * labels + alpha / classes


@accepted("comparison with all class numbers")
def smooth_labels(labels, classes, alpha):
    hit = labels[:, None] == np.arange(classes)
    return np.where(hit, 1 - alpha + alpha / classes, alpha / classes)


@accepted("tf.one_hot with both values")
def smooth_labels(labels, classes, alpha):
    import tensorflow as tf

    low = alpha / classes
    return tf.one_hot(labels, classes, on_value=1 - alpha + low, off_value=low)


@accepted("towards the even distribution")
def smooth_labels(labels, classes, alpha):
    import keras

    one_hot = keras.ops.one_hot(labels, classes)
    return one_hot + alpha * (keras.ops.ones_like(one_hot) / classes - one_hot)


@refused(
    "no part for the right class",
    says="gets its part of alpha, too",
    misconception="no part for the right class",
)
def smooth_labels(labels, classes, alpha):
    smoothed = np.full((len(labels), classes), alpha / classes)
    smoothed[np.arange(len(labels)), labels] = 1 - alpha
    return smoothed


@refused("a column for each example", says="expected an array of shape (8, 4)")
def smooth_labels(labels, classes, alpha):
    return ((1 - alpha) * np.eye(classes)[labels] + alpha / classes).T


@refused("every class at once", says="share alpha of it spread evenly", earned=1)
def smooth_labels(labels, classes, alpha):
    smoothed = np.full((len(labels), classes), alpha / classes)
    smoothed[:, labels] += 1 - alpha
    return smoothed


@refused("one label squeezed", says="For a single label", earned=1)
def smooth_labels(labels, classes, alpha):
    return np.squeeze((1 - alpha) * np.eye(classes)[labels] + alpha / classes)
