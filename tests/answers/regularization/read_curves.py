"""Right and wrong answers to the exercise read_curves."""

import numpy as np

from tests.answers import accepted, refused


@accepted("NumPy")
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = np.argmin(history["val_loss"])
    return best, gap[best], gap[-1]


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


@refused(
    "best training loss", says="smallest validation", earned=1, misconception="best training loss"
)
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = np.argmin(history["loss"])
    return best, gap[best], gap[-1]


@refused("counted from 1", says="Epochs count from 0", earned=2, misconception="counted from 1")
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = np.argmin(history["val_loss"])
    return best + 1, gap[best], gap[-1]


@refused("smallest gap", says="gap is smallest", earned=1, misconception="smallest gap")
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = np.argmin(np.abs(gap))
    return best, gap[best], gap[-1]


@refused(
    "the loss itself", says="the number of its epoch", earned=2, misconception="loss, not epoch"
)
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    return min(history["val_loss"]), gap[np.argmin(history["val_loss"])], gap[-1]


@refused(
    "training minus validation", says="minus training loss", earned=1, misconception="other sign"
)
def read_curves(history):
    gap = np.array(history["loss"]) - np.array(history["val_loss"])
    best = np.argmin(history["val_loss"])
    return best, gap[best], gap[-1]


@refused(
    "validation losses",
    says="subtract the training loss",
    earned=1,
    misconception="validation loss",
)
def read_curves(history):
    val_loss = history["val_loss"]
    return np.argmin(val_loss), min(val_loss), val_loss[-1]


@refused(
    "the best gap twice", says="the last epoch", earned=2, misconception="gap of the best epoch"
)
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = np.argmin(history["val_loss"])
    return best, gap[best], gap[best]


@refused("largest gap", says="the largest gap", earned=2, misconception="largest gap")
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    best = np.argmin(history["val_loss"])
    return best, gap[best], gap.max()


@refused("minima of both", says="the same epoch", earned=2, misconception="gap of other epochs")
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    return np.argmin(history["val_loss"]), min(history["val_loss"]) - min(history["loss"]), gap[-1]


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


@refused("largest loss", says="find the smallest", earned=1, misconception="largest loss")
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    worst = np.argmax(history["val_loss"])
    return worst, gap[worst], gap[-1]


@refused("ratios", says="a gap is a difference", earned=1, misconception="ratio")
def read_curves(history):
    ratio = np.array(history["val_loss"]) / np.array(history["loss"])
    best = np.argmin(history["val_loss"])
    return best, ratio[best], ratio[-1]


@refused(
    "the last gap twice",
    says="the best epoch is another",
    earned=2,
    misconception="gap of the last epoch",
)
def read_curves(history):
    gap = np.array(history["val_loss"]) - np.array(history["loss"])
    return np.argmin(history["val_loss"]), gap[-1], gap[-1]


@refused("absolute gaps", says="A gap may be negative", earned=1, misconception="absolute gap")
def read_curves(history):
    gap = np.abs(np.array(history["val_loss"]) - np.array(history["loss"]))
    best = np.argmin(history["val_loss"])
    return best, gap[best], gap[-1]


@refused("training losses", says="training loss itself", earned=1, misconception="training loss")
def read_curves(history):
    best = np.argmin(history["val_loss"])
    return best, history["loss"][best], history["loss"][-1]


@refused("takes the first epoch for none", says="the epoch with the smallest", earned=1)
def read_curves(history):
    loss, val_loss = history["loss"], history["val_loss"]
    best = min(range(1, len(loss)), key=val_loss.__getitem__, default=0)
    return best, val_loss[best] - loss[best], val_loss[-1] - loss[-1]
