"""What lasts from seed to seed is reset, or refused."""

import numpy as np
import pytest

from tests.test_compiled_refusals import X, Y, network, refuses, run

# --- State that lasts from seed to seed ---------------------------------------------------------


def unseeded_function():
    import keras

    class Noise(keras.layers.Layer):
        def call(self, x):
            return x + keras.random.normal(keras.ops.shape(x))

    return lambda: network(Noise())


def unseeded_initializer():
    import keras

    def initialize(shape, dtype):
        return keras.random.normal(shape, dtype=dtype)

    return lambda: network(keras.layers.Dense(4, kernel_initializer=initialize))


def random_constant():
    import keras

    class Projection(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.matrix = np.random.normal(size=(4, 4)).astype("float32")  # noqa: NPY002

        def call(self, x):
            return x @ self.matrix

    return lambda: network(Projection())


def variable_of_tensorflow():
    import keras
    import tensorflow as tf

    class Fading(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.calls = tf.Variable(0.0)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x * tf.exp(-self.calls)

    return lambda: network(Fading())


def second_optimizer():
    import keras
    import tensorflow as tf

    class Model(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                predictions = self(x, training=True)
                loss = self.compute_loss(x, y, predictions)
            kernel, bias = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients([(bias, self.trainable_variables[1])])
            self.second.apply_gradients([(kernel, self.trainable_variables[0])])
            return self.compute_metrics(x, y, predictions)

    def build():
        inputs = keras.Input((4,))
        model = Model(inputs, keras.layers.Dense(1)(inputs))
        model.compile("sgd", "mse", metrics=["mae"])
        model.second = keras.optimizers.Adam(0.1)
        return model

    return build


def layer_from_outside():
    import keras

    shared = keras.layers.Dense(4)
    return lambda: network(shared)


@pytest.mark.parametrize(
    "builder",
    [
        unseeded_function,
        unseeded_initializer,
        random_constant,
        variable_of_tensorflow,
        second_optimizer,
        layer_from_outside,
    ],
)
def test_a_state_that_lasts_from_seed_to_seed_is_reset_or_refused(builder):
    def rows(seeds):
        frame = run(builder(), seeds=seeds, epochs=2).frame
        return frame[frame["seed"] == 5]["value"].tolist()

    try:
        alone, after = rows([5]), rows([3, 5])
    except ValueError as error:
        assert "'mine'" in str(error)  # noqa: PT017
    else:
        assert alone == after


@pytest.mark.parametrize("kind", ["fixed seed", "initializer from outside", "pretrained"])
def test_seeds_that_do_not_redraw_the_weights(kind):
    import keras

    initializer = keras.initializers.HeNormal()

    def build():
        if kind == "fixed seed":
            keras.utils.set_random_seed(0)
            return network()
        last = keras.layers.Dense(3, kernel_initializer=initializer)
        model = keras.Sequential([keras.Input((4,)), last])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    if kind == "pretrained":
        assert len(run(build, pretrained=True).final("loss", "train")) == 2
    else:
        with refuses("'mine' starts from the same weights with every seed"):
            run(build)


def test_random_numbers_of_tensorflow():
    import keras
    import tensorflow as tf

    class Noise(keras.layers.Layer):
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

    with refuses("'mine' keeps a state that no seed can reset", "RandomStandardNormal"):
        run(lambda: network(Noise()))


def test_data_drawn_with_numpy_alone_belong_to_the_seed():
    def draw(seed):
        return (X + np.random.normal(size=X.shape), Y), None, None  # noqa: NPY002

    alone, after = (run(parts=draw, seeds=seeds).frame for seeds in ([1], [0, 1]))
    assert alone["value"].tolist() == after[after["seed"] == 1]["value"].tolist()


def test_weights_that_start_at_zero_are_the_same_for_every_seed():
    import keras

    def build():
        scaling = keras.layers.Normalization()
        scaling.adapt(X)
        last = keras.layers.Dense(3, "softmax", kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((4,)), scaling, last])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    assert len(run(build).final("loss", "train")) == 2


def test_augmentation_touches_training_only():
    import keras

    class Code(keras.layers.Layer):
        """Turns labels into vectors, which validation has from the start."""

        def call(self, batch):
            return {**batch, "labels": keras.ops.one_hot(batch["labels"], 3)}

    vectors = X, np.eye(3)[Y]
    done = run(
        lambda: network(loss="categorical_crossentropy"),
        ((X, Y), vectors, vectors),
        augment=Code,
    )
    assert len(done.final("accuracy", "validation")) == len(done.final("accuracy")) == 2
