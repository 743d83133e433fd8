"""Right and wrong answers to the exercise decay_step."""

import numpy as np

from tests.answers import accepted, refused


@accepted("as in the formula")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / m) * w - learning_rate * gradient


@accepted("gradient of the whole cost")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w - learning_rate * (gradient + lambda_ / m * w)


@accepted("in place, in two steps")
def decay_step(w, gradient, learning_rate, lambda_, m):
    w *= 1 - learning_rate * lambda_ / m
    w -= learning_rate * gradient
    return w


@accepted("the optimizer of Keras, in float32")
def decay_step(w, gradient, learning_rate, lambda_, m):
    import keras

    variable = keras.Variable(w.astype("float32"))
    optimizer = keras.optimizers.SGD(learning_rate, weight_decay=lambda_ / m)
    optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    return variable.numpy()


@refused("no decay", says="where is the penalty", misconception="no decay")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w - learning_rate * gradient


@refused(
    "no gradient", says="gradient of the loss is missing", earned=1, misconception="no gradient"
)
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / m) * w


@refused("uphill", says="subtract it", earned=1, misconception="uphill")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / m) * w + learning_rate * gradient


@refused(
    "decay of the learning rate",
    says="not to the learning rate",
    misconception="decayed the learning rate",
)
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w - (1 - learning_rate * lambda_ / m) * learning_rate * gradient


@refused(
    "decay without learning rate", says="on the learning rate", misconception="no learning rate"
)
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - lambda_ / m) * w - learning_rate * gradient


@refused("no m", says="Divide by the number", misconception="forgot m")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_) * w - learning_rate * gradient


@refused("convention without the half", says="cancels the 2", misconception="twice the decay")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w - learning_rate * (gradient + 2 * lambda_ / m * w)


@refused("halved", says="half of the decay", misconception="half the decay")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / (2 * m)) * w - learning_rate * gradient


@refused("decay afterwards", says="not the step", earned=1, misconception="decay after the step")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / m) * (w - learning_rate * gradient)


@refused("growth", says="should get smaller", misconception="decay added")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 + learning_rate * lambda_ / m) * w - learning_rate * gradient


@refused("L1 step", says="the same share of each", misconception="decay by an amount")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w - learning_rate * (gradient + lambda_ / m * np.sign(w))


@accepted("entry by entry")
def decay_step(w, gradient, learning_rate, lambda_, m):
    new = np.empty_like(w)
    for i in np.ndindex(w.shape):
        cost_gradient = gradient[i] + lambda_ * w[i] / m
        new[i] = w[i] - learning_rate * cost_gradient
    return new


@accepted("automatic differentiation of the penalty, in float32")
def decay_step(w, gradient, learning_rate, lambda_, m):
    import tensorflow as tf

    variable = tf.Variable(w, dtype="float32")
    with tf.GradientTape() as tape:
        penalty = lambda_ / (2 * m) * tf.reduce_sum(variable**2)
    variable.assign_sub(learning_rate * (gradient + tape.gradient(penalty, variable)))
    return variable


@refused("no learning rate at the gradient", says="go down the gradient", earned=1)
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / m) * w - gradient


@refused("the size of the gradient", says="go down the gradient", earned=1)
def decay_step(w, gradient, learning_rate, lambda_, m):
    return (1 - learning_rate * lambda_ / m) * w - learning_rate * np.abs(gradient)


@refused("relative gradient", says="is nan, expected 0", earned=1)
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w * (1 - learning_rate * (lambda_ / m + gradient / w))


@refused("the penalty itself", says="decay by its share")
def decay_step(w, gradient, learning_rate, lambda_, m):
    return w - learning_rate * (gradient + lambda_ / (2 * m) * np.sum(w**2))


@refused("changes w, returns nothing", says="is there a `return`?")
def decay_step(w, gradient, learning_rate, lambda_, m):
    w -= learning_rate * (gradient + lambda_ / m * w)
