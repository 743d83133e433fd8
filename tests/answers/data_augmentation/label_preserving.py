"""Right and wrong answers to the exercise label_preserving."""

import numpy as np

from tests.answers import accepted, refused_edits

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


refused_edits(
    "label_preserving",
    """
a name of its own | 0 | return [name for name in names if name not in breaking] + ["shift"] | none of the names | no such name
names without their strength | 0 | return ["shift", "turn", "brighten", "add noise"] | It is 'add noise' | no such name
numbers | 0 | return [i for i, name in enumerate(names) if name not in breaking] | Return a list of names
one text | 0 | return ", ".join(names) | Return a list of names
each twice | 0 | return 2 * [name for name in names if name not in breaking] | once
the first four | 0 | return ["half turn", "mirror left and right", "shift by one pixel", "turn by ten degrees"] | Your function chose 4 of 7. | upside down
a set | 0 | return set(names) - set(breaking) | Make a list of it
answers yes and no | 0 | return {name: name not in breaking for name in names} | Return a list of names
an array of names | 0 | return np.array(names) | texts have to come as a list, so use .tolist()
""",
)
