"""What is trained, and the ways to train it that `compare` is measured against.

Every way returns the final values: loss and accuracy in training, in validation and on test data.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from coursehelpers.data import load_fashion_mnist, split
from coursehelpers.models import build_mlp

BATCH = 32
METRICS = ("loss", "accuracy")


class Case(NamedTuple):
    """A model, its data, and how many times as fast as `fit` it has to be trained, if told."""

    name: str
    build: Callable
    parts: tuple
    epochs: int
    least_speedup: float | None = None

    def small(self):
        """Return the same with one batch only."""
        return self._replace(parts=[(x[:BATCH], y[:BATCH]) for x, y in self.parts], epochs=1)


def cases(quick=False):
    """Return the multilayer perceptron and the convolutional network, on real images.

    With `quick` it is the first only, on few of them.
    """
    size = 64 if quick else 1000
    (x, y), _ = load_fashion_mnist()
    parts = split(x.astype("float32") / 255, y, train=size, validation=size, test=size)
    mlp = Case("MLP 512-512", build_mlp, parts, epochs=2 if quick else 10, least_speedup=3)
    # Its steps are longer, which leaves less to gain between them: no least speedup.
    cnn = Case("CNN 32x32x3", build_cnn, tuple(map(enlarge, parts)), epochs=8)
    return [mlp] if quick else [mlp, cnn]


def enlarge(part):
    """Pad the images to 32 x 32 and repeat them on three channels."""
    x, y = part
    return np.pad(x, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, axis=-1), y


def build_cnn():
    model = keras.Sequential([layers.Input((32, 32, 3))])
    for filters in (16, 32, 32):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(10, "softmax")):
        model.add(layer)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class FitAnew:
    """What one writes first: a new model for every seed, which `fit` compiles every time."""

    def __init__(self, case):
        self.case = case

    def reset(self):
        """Nothing is kept from seed to seed."""

    def train(self, shuffle=True):
        return self.fit(self.case.build(), self.case, shuffle)

    def fit(self, model, case, shuffle):
        train, validation, test = case.parts
        history = model.fit(
            *train,
            validation_data=validation,
            epochs=case.epochs,
            batch_size=BATCH,
            validation_batch_size=BATCH,
            shuffle=shuffle,
            verbose=0,
        ).history
        curves = [history[prefix + metric] for prefix in ("", "val_") for metric in METRICS]
        tested = model.evaluate(*test, batch_size=BATCH, verbose=0)
        return [*(curve[-1] for curve in curves), *tested]


class FitWarm(FitAnew):
    """`keras.Model.fit` at its best: one model, compiled once, which gets its weights again."""

    def __init__(self, case):
        super().__init__(case)
        keras.utils.set_random_seed(0)
        self.model = case.build()
        self.model.optimizer.build(self.model.trainable_variables)
        self.variables = self.model.variables + self.model.optimizer.variables
        self.initial = [variable.numpy() for variable in self.variables]

    def reset(self):
        # Who seeds TensorFlow makes it drop what it holds of all compiled functions, and the next
        # call of each takes longer. One batch brings it back.
        self.run(self.case.small())
        for variable, value in zip(self.variables, self.initial, strict=True):
            variable.assign(value)

    def train(self, shuffle=True):
        return self.run(self.case, shuffle)

    def run(self, case, shuffle=True):
        return self.fit(self.model, case, shuffle)


class BareLoop(FitWarm):
    """The least that TensorFlow needs: one compiled function over all epochs and batches."""

    def __init__(self, case):
        super().__init__(case)
        part = [tf.TensorSpec([None, *array.shape[1:]], array.dtype) for array in case.parts[0]]
        signature = [part, part, part, tf.TensorSpec([None, None], tf.int32)]
        self.loop = tf.function(self._loop, input_signature=signature)

    def run(self, case, shuffle=True):
        rng, size = np.random.default_rng(0), len(case.parts[0][1])
        orders = [rng.permutation(size) if shuffle else range(size) for _ in range(case.epochs)]
        parts = [list(map(tf.constant, part)) for part in case.parts]
        curves, tested = self.loop(*parts, tf.constant(np.array(orders, "int32")))
        return [*curves.numpy()[-1], *tested.numpy()]

    def _loop(self, train, validation, test, orders):
        epochs = tf.shape(orders)[0]
        curves = tf.TensorArray(tf.float32, epochs)
        for epoch in tf.range(epochs):
            trained = self._epoch(*train, orders[epoch])
            curves = curves.write(epoch, tf.concat([trained, self._evaluate(*validation)], 0))
        return curves.stack(), self._evaluate(*test)

    def _epoch(self, x, y, order):
        sums = tf.zeros(2)
        for start in tf.range(0, tf.size(order), BATCH):
            chosen = order[start : start + BATCH]
            sums += self._update(tf.gather(x, chosen), tf.gather(y, chosen))
        return sums / tf.cast(tf.size(order), tf.float32)

    def _evaluate(self, x, y):
        sums = tf.zeros(2)
        for start in tf.range(0, tf.size(y), BATCH):
            stop = start + BATCH
            sums += _sums(y[start:stop], self.model(x[start:stop], training=False))[1]
        return sums / tf.cast(tf.size(y), tf.float32)

    def _update(self, x, y):
        with tf.GradientTape() as tape:
            loss, sums = _sums(y, self.model(x, training=True))
        variables = self.model.trainable_variables
        self.model.optimizer.apply(tape.gradient(loss, variables), variables)
        return sums


def _sums(y, predicted):
    """Return the mean loss, and the sums of losses and of right answers."""
    losses = keras.losses.sparse_categorical_crossentropy(y, predicted)
    right = keras.metrics.sparse_categorical_accuracy(y, predicted)
    return tf.reduce_mean(losses), tf.stack([tf.reduce_sum(losses), tf.reduce_sum(right)])
