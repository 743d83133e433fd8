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
    x_train = np.stack([x[chosen] + noise[chosen], x[chosen]], axis=1).reshape(-1, 2)
    return (x_train, np.repeat(y[chosen], 2)), (x[last], y[last])


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
    "validation augmented", says="without copies", misconception="augmented validation", earned=2
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


@refused("noise of other points", says="a noisy copy of each", earned=1)
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    x_train = np.concatenate([x[chosen], x[chosen] + noise[: len(chosen)][::-1] + 1])
    return (x_train, np.tile(y[chosen], 2)), (x[last], y[last])


@refused("four values", says="two values, the training and the validation part")
def split_then_augment(x, y, noise, order, validation):
    chosen, last = order[:-validation], order[-validation:]
    return *with_copies(x, y, noise, chosen), x[last], y[last]
