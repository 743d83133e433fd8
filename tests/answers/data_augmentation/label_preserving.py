"""Right and wrong answers to the exercise label_preserving."""

import numpy as np

from tests.answers import accepted, refused

RIGHT = ("shift by one pixel", "turn by ten degrees", "brighten a little", "add a little noise")


@accepted("a list of the right ones")
def label_preserving(names):
    return list(RIGHT)


@accepted("a tuple, in the order given")
def label_preserving(names):
    return tuple(name for name in names if name in RIGHT)


@accepted("by words")
def label_preserving(names):
    return [name for name in names if "mirror" not in name and "half" not in name]


@accepted("the others removed in place")
def label_preserving(names):
    for breaking in ("half turn", "mirror left and right", "mirror top and bottom"):
        names.remove(breaking)
    return names


@accepted("NumPy texts, sorted")
def label_preserving(names):
    return list(np.setdiff1d(names, [name for name in names if name not in RIGHT]))


@accepted("by their first words, one by one")
def label_preserving(names):
    kept = []
    for name in names:
        first, *_ = name.split()
        if first in {"shift", "turn", "brighten", "add"}:
            kept.append(name)
    return kept


@refused("as for cats", says="no digits", earned=1, misconception="mirrored")
def label_preserving(names):
    return [name for name in names if name not in ("mirror top and bottom", "half turn")]


@refused("half turns too", says="6 looks like a 9", earned=1, misconception="upside down")
def label_preserving(names):
    return [name for name in names if "mirror" not in name]


@refused("all of them", says="All were chosen", misconception="all chosen")
def label_preserving(names):
    return names


@refused(
    "only the shift",
    says="everybody still reads the same digit",
    earned=1,
    misconception="too careful",
)
def label_preserving(names):
    return ["shift by one pixel"]


@refused("none of them", says="none was chosen", misconception="kept nothing")
def label_preserving(names):
    return []


@refused("the breaking ones", says="6 looks like a 9", misconception="upside down")
def label_preserving(names):
    return [name for name in names if name not in RIGHT]


@refused("a name of its own", says="none of the names", misconception="no such name")
def label_preserving(names):
    return [*RIGHT, "shift"]


@refused("numbers", says="Return a list of names")
def label_preserving(names):
    return [i for i, name in enumerate(names) if name in RIGHT]


@refused("one text", says="Return a list of names")
def label_preserving(names):
    return ", ".join(RIGHT)


@refused("each twice", says="once")
def label_preserving(names):
    return [*RIGHT, *RIGHT]


@refused("the first four", says="Your function chose 4 of 7.", misconception="upside down")
def label_preserving(names):
    return ["half turn", "mirror left and right", *RIGHT[:2]]


@refused("the first four places", says="go by the names", misconception="by place")
def label_preserving(names):
    return names[:4]


@refused("every other place", says="go by the names", misconception="by place")
def label_preserving(names):
    return names[::2]


@refused("names without their strength", says="It is 'add noise'", misconception="no such name")
def label_preserving(names):
    return ["shift", "turn", "brighten", "add noise"]


@refused("no great turn", says="'mirror left and right'", earned=0, misconception="mirrored")
def label_preserving(names):
    return [name for name in names if "turn" not in name and "top" not in name]


@refused("a set", says="Make a list of it")
def label_preserving(names):
    return set(RIGHT)


@refused("answers yes and no", says="Return a list of names")
def label_preserving(names):
    return {name: name in RIGHT for name in names}


@refused("an array of names", says="texts have to come as a list, so use .tolist()")
def label_preserving(names):
    return np.array(RIGHT)
