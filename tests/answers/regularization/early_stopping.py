"""Right and wrong answers to the exercise early_stopping."""

import numpy as np

from tests.answers import accepted, refused


@accepted("counter in a while loop, result in a list")
def early_stopping(val_losses, patience):
    losses = list(val_losses)
    epoch, best, wait = 0, 0, 0
    while wait < patience and epoch + 1 < len(losses):
        epoch += 1
        if losses[epoch] < losses[best]:
            best, wait = epoch, 0
        else:
            wait += 1
    return [epoch, best]


@accepted("NumPy without a loop, result in a float array")
def early_stopping(val_losses, patience):
    earlier = np.concatenate([[np.inf], np.minimum.accumulate(val_losses)[:-1]])
    epochs = np.arange(len(val_losses))
    best_by_then = np.maximum.accumulate(np.where(val_losses < earlier, epochs, 0))
    exhausted = np.flatnonzero(epochs - best_by_then >= patience)
    stopped = exhausted[0] if exhausted.size else epochs[-1]
    return np.array([stopped, best_by_then[stopped]], dtype="float32")


@accepted("one slice per epoch")
def early_stopping(val_losses, patience):
    for end in range(1, len(val_losses) + 1):
        best = int(np.argmin(val_losses[:end]))
        if end - 1 - best == patience:
            return end - 1, best
    return len(val_losses) - 1, best


@accepted("the callback of Keras")
def early_stopping(val_losses, patience):
    import keras

    callback = keras.callbacks.EarlyStopping(patience=patience)
    callback.set_model(keras.Sequential())
    callback.model.stop_training = False
    for epoch, loss in enumerate(val_losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if callback.model.stop_training:
            break
    return epoch, callback.best_epoch


@refused(
    "never stopped", says="the patience runs out before", earned=1, misconception="never stopped"
)
def early_stopping(val_losses, patience):
    return len(val_losses) - 1, int(np.argmin(val_losses))


@refused(
    "compared with the epoch before",
    says="Compare with the best loss so far",
    earned=3,
    misconception="compared with the epoch before",
)
def early_stopping(val_losses, patience):
    wait, epoch = 0, 0
    for epoch in range(1, len(val_losses)):
        wait = 0 if val_losses[epoch] < val_losses[epoch - 1] else wait + 1
        if wait == patience:
            break
    return epoch, int(np.argmin(val_losses[: epoch + 1]))


@refused(
    "never reset the count",
    says="Start counting anew",
    earned=3,
    misconception="never reset the count",
)
def early_stopping(val_losses, patience):
    best, wait, epoch = 0, 0, 0
    for epoch in range(1, len(val_losses)):
        if val_losses[epoch] < val_losses[best]:
            best = epoch
        else:
            wait += 1
        if wait == patience:
            break
    return epoch, best


@refused("one number instead of two", says="Return two values, the last epoch that is trained and")
def early_stopping(val_losses, patience):
    return int(np.argmin(val_losses))


@refused("ran past the end", says="Your code raised IndexError", earned=3)
def early_stopping(val_losses, patience):
    best, epoch = 0, 0
    while epoch - best < patience:
        epoch += 1
        if val_losses[epoch] < val_losses[best]:
            best = epoch
    return epoch, best


@accepted("a generator of improvements")
def early_stopping(val_losses, patience):
    improvements = [
        epoch for epoch, loss in enumerate(val_losses) if all(loss < v for v in val_losses[:epoch])
    ]
    ends = [*improvements[1:], len(val_losses) + patience]
    best = next(a for a, b in zip(improvements, ends, strict=True) if b - a > patience)
    return min(best + patience, len(val_losses) - 1), best


@accepted("recursion from the best epoch to the next")
def early_stopping(val_losses, patience):
    def after(best):
        for epoch in range(best + 1, min(best + patience + 1, len(val_losses))):
            if val_losses[epoch] < val_losses[best]:
                return after(epoch)
        return min(best + patience, len(val_losses) - 1), best

    return after(0)


@refused("took epoch 0 for none", says="Return the epoch that uses up", earned=2)
def early_stopping(val_losses, patience):
    best = None
    for epoch, loss in enumerate(val_losses):
        if not best or loss < val_losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch, best


@refused("began with a loss of 1", says="Return the epoch that uses up", earned=0)
def early_stopping(val_losses, patience):
    best_loss, best, wait = 1.0, 0, 0
    for epoch, loss in enumerate(val_losses):
        wait += 1
        if loss < best_loss:
            best_loss, best, wait = loss, epoch, 0
        if wait == patience:
            break
    return epoch, best


@refused("the first rise ends it", says="Return the epoch that uses up", earned=0)
def early_stopping(val_losses, patience):
    for epoch in range(1, len(val_losses)):
        if val_losses[epoch] > val_losses[epoch - 1]:
            return epoch, epoch - 1
    return len(val_losses) - 1, len(val_losses) - 1


@refused("starts with the second epoch", says="UnboundLocalError", earned=3)
def early_stopping(val_losses, patience):
    best = 0
    for epoch in range(1, len(val_losses)):
        if val_losses[epoch] < val_losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch, best


@refused("the best of the first epochs", says="Return the epoch that uses up")
def early_stopping(val_losses, patience):
    best = int(np.argmin(val_losses[:patience]))
    return min(best + patience, len(val_losses) - 1), best


@refused("a table of lengths and patiences", says="Return the epoch that uses up")
def early_stopping(val_losses, patience):
    table = {(12, 3): (5, 2), (6, 2): (2, 0), (4, 2): (3, 1), (14, 3): (7, 4), (7, 1): (3, 2)}
    table |= {(10, 2): (4, 2), (5, 3): (3, 0), (5, 4): (4, 2), (5, 2): (4, 4), (1, 1): (0, 0)}
    return table.get((len(val_losses), patience), (len(val_losses) - 1, 0))
