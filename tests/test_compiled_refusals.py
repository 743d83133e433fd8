"""What `compare` cannot do it refuses, and says what and where, instead of doing otherwise."""

import itertools
from functools import partial

import numpy as np
import pytest

from coursehelpers.training import Setting, compare

pytestmark = pytest.mark.heavy

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 4)), RNG.integers(3, size=20)
PARTS = (X, Y), None, None


def network(*hidden, optimizer="sgd", **compiled):
    import keras

    model = keras.Sequential(
        [keras.Input((4,)), *hidden, keras.layers.Dense(3, activation="softmax")]
    )
    model.compile(
        optimizer,
        **{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compiled},
    )
    return model


def run(build=network, parts=PARTS, seeds=(0, 1), epochs=1, **setting):
    return compare({"mine": Setting(build, **setting)}, parts, seeds=seeds, epochs=epochs)


def refuses(*patterns, error=ValueError):
    """Expect an error whose message has all the patterns, in any order."""
    return pytest.raises(error, match="".join(f"(?=.*{pattern})" for pattern in patterns))


# --- Arguments ----------------------------------------------------------------------------------


def never(*arguments):
    """Stand for what is not to be called: a wrong argument is refused before anything is done."""
    pytest.fail("called before the arguments were checked")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"seeds": []}, ValueError, r"seeds must be .*\[\]"),
        ({"seeds": [0, -1]}, ValueError, "seeds must be .*-1"),
        ({"seeds": [1, 2, 1]}, ValueError, r"seeds must be .*\[1, 2, 1\]"),
        ({"seeds": [0, 2**32]}, ValueError, "seeds must be .*4294967296"),
        ({"seeds": 5}, TypeError, r"seeds must be .*range\(5\), got 5"),
        ({"seeds": [1.5]}, (TypeError, ValueError), "seeds must be .*1.5"),
        ({"seeds": "12"}, (TypeError, ValueError), "seeds must be .*1.*2"),
        ({"epochs": 0}, ValueError, "epochs .*must be .*0"),
        ({"epochs": 1.5}, ValueError, "epochs .*must be .*1.5"),
        ({"epochs": True}, ValueError, "epochs .*must be .*True"),
        ({"batch_size": 0}, ValueError, "batch_size must be .*0"),
        ({"validate_every": 0}, ValueError, "validate_every must be .*0"),
        ({"settings": {}}, TypeError, r"settings must map .*\{\}"),
        ({"settings": []}, TypeError, r"settings must map .*\[\]"),
        ({"settings": [("mine", never)]}, TypeError, "settings must map .*mine"),
        ({"settings": never}, TypeError, "settings must map .*never"),
        ({"settings": {"mine": None}}, TypeError, "'mine' must be a function"),
        ({"settings": {"mine": Setting(never, epochs=0)}}, ValueError, "(?=.*'mine').*epochs .*0"),
    ],
)
def test_wrong_arguments(wrong, error, message):
    arguments = {"settings": {"mine": never}, "data": never, "seeds": [0], "epochs": 1, **wrong}
    with refuses(message, error=error):
        compare(arguments.pop("settings"), arguments.pop("data"), **arguments)


def test_what_is_made_already_instead_of_a_function_that_makes_it():
    import keras

    with refuses("'mine' must be a function", "Give the function, not the model", error=TypeError):
        compare({"mine": network()}, never, seeds=[0], epochs=1)
    with refuses("callbacks", "'mine'", "function", error=TypeError):
        run(callbacks=[keras.callbacks.EarlyStopping("loss")])
    with refuses("augment", "'mine'", "function", error=TypeError):
        run(augment=keras.layers.RandomFlip())


# --- Models -------------------------------------------------------------------------------------


def test_models_that_are_none_or_not_compiled():
    import keras

    with refuses("'mine' must build a keras.Model, got int", error=TypeError):
        run(lambda: 3)
    with refuses("'mine' must build a compiled model"):
        run(lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]))
    with refuses("'mine' has run_eagerly=True"):
        run(partial(network, run_eagerly=True))


def test_a_model_optimizer_or_layer_that_is_not_new():
    import keras

    class Same(keras.layers.Layer):
        def call(self, batch):
            return batch

    model, optimizer, layer = network(), keras.optimizers.SGD(), Same()
    for build, augment in (
        (lambda: model, None),
        (lambda: network(optimizer=optimizer), None),
        (network, lambda: layer),
    ):
        with refuses("'mine' builds the same model, optimizer or augmenting layer twice"):
            run(build, augment=augment)


def test_a_model_that_is_another_one_every_time():
    from keras import layers

    units = itertools.count(2)
    with refuses("'mine' must build the same model every time"):
        run(lambda: network(layers.Dense(next(units))))


@pytest.mark.parametrize("step", ["train_step", "test_step"])
@pytest.mark.parametrize("name", ["unknown", "loss"])
def test_a_step_that_returns_what_no_metric_gathers(step, name):
    import keras

    class Model(keras.Model):
        """Returns a number of one batch, of which Keras would report that of the last batch."""

    def step_and_number(model, batch):
        getattr(keras.Model, step)(model, batch)
        return {name: keras.ops.sum(model(batch[0]))}

    def build():
        inputs = keras.Input((4,))
        model = Model(inputs, keras.layers.Dense(1)(inputs))
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    setattr(Model, step, step_and_number)
    with refuses(f"{step} of setting 'mine' returns .*{name}"):
        run(build, ((X, Y), (X, Y), None))


def test_a_metric_that_is_no_single_number():
    from keras import metrics

    def build():
        return network(loss="categorical_crossentropy", metrics=[metrics.F1Score()])

    with refuses("'f1_score'", "'mine'", "no single number", r"\(3,\)"):
        run(build, ((X, np.eye(3)[Y]), None, None))


# --- Callbacks ----------------------------------------------------------------------------------


def test_callbacks_that_need_every_batch(tmp_path):
    import keras
    from keras import callbacks

    class Own(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            """Do something."""

    def nothing(batch, logs):
        """Do nothing."""

    refused = {
        "ModelCheckpoint": lambda: callbacks.ModelCheckpoint(tmp_path / "best.keras"),
        "TerminateOnNaN": callbacks.TerminateOnNaN,
        "SwapEMAWeights": callbacks.SwapEMAWeights,
        "Own": Own,
        "LambdaCallback": lambda: callbacks.LambdaCallback(on_train_batch_end=nothing),
    }
    for name, make in refused.items():
        with refuses(f"{name} of setting 'mine' needs on_.*once per epoch"):
            run(callbacks=lambda make=make: [make()])


def test_callbacks_that_are_none():
    with refuses("callbacks of 'mine' must build a list, got str", error=TypeError):
        run(callbacks=lambda: "early stopping")
    with refuses("callbacks of 'mine' .*got str", error=TypeError):
        run(callbacks=lambda: ["early stopping"])


@pytest.mark.parametrize("monitor", ["val_loss", "acuracy"])
def test_callbacks_that_monitor_what_is_not_measured(monitor):
    import keras

    message = f"EarlyStopping of setting 'mine' monitors '{monitor}'; measured are: loss, accuracy"
    with refuses(message):
        run(callbacks=lambda: [keras.callbacks.EarlyStopping(monitor)])


# --- Data ---------------------------------------------------------------------------------------

# Lists of unequal length, as Numpy 2 takes them.
RAGGED = np.array([[1.0], [2.0, 3.0]], dtype=object)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (None, TypeError, "three parts, train, validation and test"),
        ((X, Y), TypeError, "three parts, train, validation and test"),
        ((part for part in PARTS), TypeError, "three parts, .*got generator"),
        (((a for a in PARTS[0]), None, None), TypeError, "train data .*got generator"),
        (((X,), None, None), TypeError, r"train data must be \(x, y\)"),
        (((X, Y), (X, 3), None), TypeError, "validation data must be arrays"),
        (((X, Y), None, (X, None)), TypeError, "test data must be arrays"),
        (((RAGGED, Y[:2]), None, None), TypeError, "train data must be arrays .*object"),
        (((X, Y[1:]), None, None), ValueError, r"train data differ in length: \[20, 19\]"),
        (((X, Y), None, (X, Y[1:])), ValueError, r"test data differ in length: \[20, 19\]"),
        ((None, (X, Y), None), ValueError, "no training examples"),
        (((X[:0], Y[:0]), (X, Y), None), ValueError, "no training examples"),
    ],
)
def test_data_that_are_no_arrays_of_one_length(data, error, message):
    with refuses(message, error=error):
        run(parts=data)


@pytest.mark.parametrize(
    "other",
    [(X, Y[:, None]), (X, Y.astype(float)), (X[:, :2], Y), (X, Y, np.ones(20))],
    ids=["shape of labels", "dtype of labels", "shape of inputs", "sample weights"],
)
def test_data_of_another_kind_for_another_seed(other):
    with refuses("same shapes and dtypes for every seed; with seed 1"):
        run(parts=lambda seed: (other if seed else (X, Y), None, None))


@pytest.mark.parametrize("first", [None, (X, Y)], ids=["missing first", "missing later"])
def test_data_that_are_missing_for_some_seeds(first):
    other = (X, Y) if first is None else None
    with refuses("validation", "for every seed", "seed 1"):
        run(parts=lambda seed: ((X, Y), other if seed else first, None))


def test_augmentation_that_is_no_layer():
    with refuses("augment of 'mine' must build a Keras layer, .*got function", error=TypeError):
        run(augment=lambda: lambda batch: batch)


@pytest.mark.parametrize("measured", [None, 1.5, {"epochs": 3}])
def test_measures_that_are_no_names_and_numbers(measured):
    with refuses("measure must return names and numbers", error=TypeError):
        compare({"mine": network}, PARTS, seeds=[0], epochs=1, measure=lambda *_: measured)


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
