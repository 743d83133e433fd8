"""Right and wrong answers to the exercise decay_step."""

import numpy as np

from tests.answers import accepted, refused


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
