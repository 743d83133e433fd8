"""What `compare` cannot do it refuses, and says what and where, instead of doing otherwise."""

import itertools
from functools import partial

import numpy as np
import pytest

from coursehelpers.training import Setting, compare

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
        ({"batch_size": -1}, ValueError, "batch_size must be .*-1"),
        ({"batch_size": 1.5}, ValueError, "batch_size must be .*1.5"),
        ({"batch_size": None}, ValueError, "batch_size must be .*None"),
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


def test_the_scope_of_a_distribution_strategy():
    import tensorflow as tf

    with tf.distribute.OneDeviceStrategy("cpu:0").scope(), refuses("tf.distribute"):
        run()


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
        ([(X, Y), (X, Y)], TypeError, "three parts, train, validation and test"),
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


def test_data_sets_of_tensorflow():
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    with refuses("three parts, .*got _BatchDataset", error=TypeError):
        run(parts=batches)
    with refuses("train data must be .*got _BatchDataset", error=TypeError):
        run(parts=(batches, None, None))


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


def test_class_weights_that_cannot_be():
    weights = {0: 2.0}
    with refuses("class_weight", "sample weights", "'mine'"):
        run(parts=((X, Y, np.ones(20)), None, None), class_weight=weights)
    with refuses("class_weight", "single y", "'mine'"):
        run(parts=((X, [Y, Y]), None, None), class_weight=weights)


def test_augmentation_that_is_no_layer():
    with refuses("augment of 'mine' must build a Keras layer, .*got function", error=TypeError):
        run(augment=lambda: lambda batch: batch)


@pytest.mark.parametrize("measured", [None, 1.5, {"epochs": 3}])
def test_measures_that_are_no_names_and_numbers(measured):
    with refuses("measure must return names and numbers", error=TypeError):
        compare({"mine": network}, PARTS, seeds=[0], epochs=1, measure=lambda *_: measured)
