"""Callbacks of Keras do in the compiled loop what they do in `Model.fit`."""

import pytest

from tests.test_compiled_equality import (
    X,
    Y,
    assert_equal,
    assert_trains_as_fit_does,
    compared,
    fitted,
    network,
    split,
)

PARTS = (X[:24], Y[:24]), (X[24:], Y[24:]), None
MAX_EPOCHS = 10


def overfitting():
    """Build a network whose validation loss is least after its third epoch."""
    import keras

    optimizer = keras.optimizers.SGD(1.0)
    return network(keras.layers.Dense(9, "tanh"), optimizer=optimizer)


@pytest.mark.parametrize(
    ("epochs", "options"),
    [
        (4, {"patience": 2, "min_delta": 0.01}),
        (4, {"patience": 1, "restore_best_weights": True}),
        (MAX_EPOCHS, {"patience": 99, "restore_best_weights": True}),
        (7, {"patience": 1, "start_from_epoch": 5}),
        (4, {"patience": 3, "baseline": 0.5}),
        (5, {"patience": 3, "monitor": "val_accuracy", "mode": "max"}),
    ],
    ids=str,
)
def test_early_stopping(epochs, options):
    import keras

    def run(train):
        return train(
            overfitting,
            PARTS,
            epochs=MAX_EPOCHS,
            callbacks=lambda: [keras.callbacks.EarlyStopping(**options)],
        )

    expected = run(fitted)
    assert len(expected[1]["val_loss"]) == epochs
    assert_equal(run(compared), expected)


# Keras reads the learning rate in a way that Numpy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ["plateau", "schedule", "own"])
def test_callbacks_that_change_what_is_trained(name):
    import keras

    class Shrink(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for variable in self.model.trainable_variables:
                variable.assign(variable * 0.9)

    def callbacks():
        return {
            "plateau": lambda: keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1),
            "schedule": lambda: keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2),
            "own": Shrink,
        }[name]()

    assert_trains_as_fit_does(overfitting, PARTS, epochs=6, callbacks=lambda: [callbacks()])


def test_callbacks_are_told_the_same_in_the_same_order():
    import keras

    told = []

    class Told(keras.callbacks.Callback):
        """Notes what it is told, and looks at the model meanwhile."""

        def on_train_begin(self, logs=None):
            told.append(("train begins", None, {}))

        def on_epoch_begin(self, epoch, logs=None):
            told.append(("begin", epoch, {}))

        def on_epoch_end(self, epoch, logs=None):
            told.append(("end", epoch, dict(logs)))
            self.model.predict(X[:3], verbose=0)
            self.model.evaluate(X[:3], Y[:3], verbose=0)

        def on_train_end(self, logs=None):
            told.append(("train ends", None, dict(logs)))

    def run(train):
        told.clear()
        train(network, split(X, Y), callbacks=lambda: [Told()])
        return list(told)

    ours, expected = run(compared), run(fitted)
    assert [what[:2] for what in ours] == [what[:2] for what in expected]
    for (*_, logs), (*_, theirs) in zip(ours, expected, strict=True):
        assert logs == pytest.approx(theirs, rel=1e-5)
