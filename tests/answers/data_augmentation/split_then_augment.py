"""Right and wrong answers to the exercise split_then_augment."""

import numpy as np

from tests.answers import accepted, refused


def with_copies(x, y, noise, chosen):
    return np.concatenate([x[chosen], x[chosen] + noise[chosen]]), np.tile(y[chosen], 2)


@accepted("slices")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return with_copies(x, y, noise, chosen), (x[last], y[last])


@accepted("reordered first, lists")
def split_then_augment(x, y, noise, order, validation):
    x, y, noise = x[order], y[order], noise[order]
    m = len(x) - validation
    x_train = x[:m].tolist() + (x[:m] + noise[:m]).tolist()
    return [[x_train, y[:m].tolist() * 2], [x[m:].tolist(), y[m:].tolist()]]


@accepted("other order inside the parts")
def split_then_augment(x, y, noise, order, validation):
    last = np.sort(order[-validation:])
    chosen = np.setdiff1d(order, last)
    x_train = np.stack([x[chosen] + noise[chosen], x[chosen]], axis=1).reshape(-1, x.shape[1])
    return (x_train, np.repeat(y[chosen], 2)), (x[last], y[last])


@accepted("a mask, columns of labels")
def split_then_augment(x, y, noise, order, validation):
    last = np.isin(np.arange(len(x)), order[-validation:])
    y_train = np.tile(y[~last], 2)[:, None]
    return (np.r_[x[~last], (x + noise)[~last]], y_train), (x[last], y[last][:, None])


@accepted("TensorFlow, float32")
def split_then_augment(x, y, noise, order, validation):
    import tensorflow as tf

    x, y, noise = (tf.gather(tf.cast(part, "float32"), order) for part in (x, y, noise))
    m = len(x) - validation
    x_train = tf.concat([x[:m], x[:m] + noise[:m]], 0)
    return (x_train, tf.concat([y[:m], y[:m]], 0)), (x[m:], y[m:])


@accepted("point by point")
def split_then_augment(x, y, noise, order, validation):
    parts = ([], []), ([], [])
    for place, i in enumerate(order.tolist()):
        train = place < len(order) - validation
        for point in [x[i], x[i] + noise[i]] if train else [x[i]]:
            parts[not train][0].append(point)
            parts[not train][1].append(y[i])
    return parts


@accepted("a dict of the parts, taken apart")
def split_then_augment(x, y, noise, order, validation):
    cut = np.split(order, [len(order) - validation])
    parts = {name: (x[some], y[some]) for name, some in zip(("train", "kept"), cut, strict=True)}
    inputs, labels = parts["train"]
    parts["train"] = np.vstack([inputs, inputs + noise[cut[0]]]), np.hstack([labels, labels])
    return list(parts.values())


@refused("augmented, then split", says="split first", misconception="augmented before")
def split_then_augment(x, y, noise, order, validation):
    x, y = np.concatenate([x, x + noise]), np.concatenate([y, y])
    order = np.concatenate([order, order + len(order)])
    chosen, last = order[:-validation], order[-validation:]
    return (x[chosen], y[chosen]), (x[last], y[last])


@refused("all copies to train on", says="split first", earned=1, misconception="augmented before")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train = np.concatenate([x[chosen], x + noise])
    return (x_train, np.concatenate([y[chosen], y])), (x[last], y[last])


@refused(
    "validation augmented", says="without copies", misconception="augmented validation", earned=1
)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return with_copies(x, y, noise, chosen), with_copies(x, y, noise, last)


@refused("not augmented", says="has no copies", earned=1, misconception="not augmented")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return (x[chosen], y[chosen]), (x[last], y[last])


@refused("parts swapped", says="first training, then validation", misconception="parts swapped")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return (x[last], y[last]), with_copies(x, y, noise, chosen)


@refused("order ignored", says="as `order` has them", misconception="ignored the order")
def split_then_augment(x, y, noise, order, validation):
    order = np.arange(len(x))
    chosen, last = order[:-validation], order[-validation:]
    return with_copies(x, y, noise, chosen), (x[last], y[last])


@refused("the first ones", says="not the first", misconception="first ones")
def split_then_augment(x, y, noise, order, validation):
    chosen, first = order[validation:], order[:validation]
    return with_copies(x, y, noise, chosen), (x[first], y[first])


@refused(
    "noise of other points", says="noise[i] is for x[i]", earned=1, misconception="noise of others"
)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train = np.concatenate([x[chosen], x[chosen] + noise[: len(chosen)]])
    return (x_train, np.tile(y[chosen], 2)), (x[last], y[last])


@refused("four values", says="two values, the training and the validation part")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return *with_copies(x, y, noise, chosen), x[last], y[last]


@refused("for this size only", says="last points of `order`", earned=2)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-5], order[-5:]
    return with_copies(x, y, noise, chosen), (x[last], y[last])


@refused("all points to train on", says="in both parts", earned=1, misconception="overlap")
def split_then_augment(x, y, noise, order, validation):
    last = order[-validation:]
    return with_copies(x, y, noise, np.arange(len(x))), (x[last], y[last])


@refused("all x, then all y", says="pairs of x and y", misconception="all x, all y")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train, y_train = with_copies(x, y, noise, chosen)
    return (x_train, x[last]), (y_train, y[last])


@refused("noisy validation", says="as they are", misconception="augmented validation", earned=1)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return with_copies(x, y, noise, chosen), (x[last] + noise[last], y[last])


@refused(
    "labels repeated otherwise", says="treat both alike", earned=1, misconception="labels apart"
)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train, _ = with_copies(x, y, noise, chosen)
    return (x_train, np.repeat(y[chosen], 2)), (x[last], y[last])


@refused("labels without copies", says="a label for each point")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return (with_copies(x, y, noise, chosen)[0], y[chosen]), (x[last], y[last])


@refused("labels as a row", says="a label for each point")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train, y_train = with_copies(x, y, noise, chosen)
    return (x_train, y_train[None]), (x[last], y[last][None])


@refused("labels not in order", says="treat both alike", misconception="labels apart")
def split_then_augment(x, y, noise, order, validation):
    x, noise, m = x[order], noise[order], len(x) - validation
    return with_copies(x, y, noise, np.arange(m)), (x[m:], y[m:])


@refused("the place in the order", says="last points of `order`")
def split_then_augment(x, y, noise, order, validation):
    place = np.argsort(order)
    return with_copies(x, y, noise, place[:-validation]), (
        x[place[-validation:]],
        y[place[-validation:]],
    )


@refused(
    "all of the noise in turn",
    says="noise[i] is for x[i]",
    misconception="noise of others",
    earned=1,
)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train = np.concatenate([x[chosen], x[chosen] + noise[validation:]])
    return (x_train, np.tile(y[chosen], 2)), (x[last], y[last])


@refused("one point less", says="last points of `order`")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[: 1 - validation], order[1 - validation :]
    return with_copies(x, y, noise, chosen), (x[last], y[last])


@refused("squeezed", says="should have shape (..., 1)", earned=2)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return with_copies(x, y, noise, chosen), (x[last].squeeze(), y[last].squeeze())


@refused("copies only", says="a noisy copy of each", earned=1)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return (x[chosen] + noise[chosen], y[chosen]), (x[last], y[last])


@refused("empty", says="Training holds a list of 0 entries")
def split_then_augment(x, y, noise, order, validation):
    return ([], []), ([], [])
