"""Right and wrong answers to the exercise split_then_augment."""

import numpy as np

from tests.answers import accepted, refused_edits


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


refused_edits(
    "split_then_augment",
    """
four values | 0 | return x_train, y_train, x[last], y[last] | two values, the training and the validation part
for this size only | 2 | -validation -> -5 | last points of `order`
labels without copies | 0 | [y[chosen], y[chosen]] -> [y[chosen]] | a label for each point
labels as a row | 0 | return (x_train, y_train[None]), (x[last], y[last][None]) | a label for each point
the place in the order | 0 | chosen, last = -> order = np.argsort(order);chosen, last = | last points of `order`
one point less | 0 | -validation -> 1 - validation | last points of `order`
squeezed | 2 | (x[last], y[last]) -> (x[last].squeeze(), y[last].squeeze()) | should have shape (..., 1)
copies only | 1 | return (x[chosen] + noise[chosen], y[chosen]), (x[last], y[last]) | a noisy copy of each
empty | 0 | return ([], []), ([], []) | Training holds a list of 0 entries
""",
)
