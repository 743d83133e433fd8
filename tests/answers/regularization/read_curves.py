"""Right and wrong answers to the exercise read_curves."""

import numpy as np

from tests.answers import accepted, refused


@accepted("plain Python, a list")
def read_curves(history):
    loss, val_loss = history["loss"], history["val_loss"]
    best = val_loss.index(min(val_loss))
    return [best, val_loss[best] - loss[best], val_loss[-1] - loss[-1]]


@accepted("pandas")
def read_curves(history):
    import pandas as pd

    frame = pd.DataFrame(history)
    gap = frame["val_loss"] - frame["loss"]
    best = frame["val_loss"].idxmin()
    return best, gap[best], gap.iloc[-1]


@accepted("a loop, in float32, one array")
def read_curves(history):
    best = 0
    for epoch, val_loss in enumerate(history["val_loss"]):
        if val_loss < history["val_loss"][best]:
            best = epoch
    gaps = np.subtract(history["val_loss"], history["loss"], dtype="float32")
    return np.array([best, gaps[best], gaps[-1]], "float32")


@refused("two values", says="Return three values, the best epoch")
def read_curves(history):
    return np.argmin(history["val_loss"]), history["val_loss"][-1] - history["loss"][-1]


@accepted("no NumPy, with the last epoch by its number")
def read_curves(history):
    epochs = range(len(history["loss"]))
    best = min(epochs, key=lambda epoch: history["val_loss"][epoch])
    gaps = [v - t for t, v in zip(history["loss"], history["val_loss"], strict=True)]
    return best, gaps[best], gaps[len(gaps) - 1]


@accepted("Keras ops, tensors")
def read_curves(history):
    from keras import ops

    loss, val_loss = (ops.convert_to_tensor(history[key]) for key in ("loss", "val_loss"))
    best = ops.argmin(val_loss)
    gap = ops.subtract(val_loss, loss)
    return best, ops.take(gap, best), gap[-1]


@refused(
    "where the validation loss first rises",
    says="later it gets smaller",
    earned=1,
    misconception="first minimum",
)
def read_curves(history):
    val_loss = history["val_loss"]
    gap = np.array(val_loss) - np.array(history["loss"])
    best = 0
    while best + 1 < len(val_loss) and val_loss[best + 1] < val_loss[best]:
        best += 1
    return best, gap[best], gap[-1]


@refused("takes the first epoch for none", says="the epoch with the smallest", earned=1)
def read_curves(history):
    loss, val_loss = history["loss"], history["val_loss"]
    best = min(range(1, len(loss)), key=val_loss.__getitem__, default=0)
    return best, val_loss[best] - loss[best], val_loss[-1] - loss[-1]


@refused("a table of lengths", says="the epoch with the smallest", earned=1)
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = min({7: 3, 4: 0, 5: 4}.get(len(gap), 1), len(gap) - 1)
    return best, gap[best], gap[-1]
