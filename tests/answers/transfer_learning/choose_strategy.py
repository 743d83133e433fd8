"""Answers for choosing a strategy, judged by the measured grid."""

from tests.answers import accepted, refused


@accepted("two questions")
def choose_strategy(m, similar):
    if m < 500:
        return "head on top features" if similar else "head on earlier features"
    return "fine-tune many blocks"


@accepted("a table")
def choose_strategy(m, similar):
    little = {True: "head on top features", False: "fine-tune many blocks"}
    much = {True: "fine-tune many blocks", False: "fine-tune many blocks"}
    return (little if m < 1000 else much)[similar]


@accepted("the same for all")
def choose_strategy(m, similar):
    return "fine-tune many blocks"


@refused("nothing returned", says="is there a `return`", misconception="nothing returned")
def choose_strategy(m, similar):
    "fine-tune many blocks"


@refused("a number", says="as text", misconception="a number")
def choose_strategy(m, similar):
    return 3


@refused("all that lead", says="one name", misconception="several")
def choose_strategy(m, similar):
    return ["head on top features", "fine-tune many blocks"]


@refused("another name", says="no strategy of that name", misconception="unknown name")
def choose_strategy(m, similar):
    return "feature extraction"


@refused("similar taken for different", says="small network from scratch reached", earned=2)
def choose_strategy(m, similar):
    return "small network from scratch" if similar else "fine-tune many blocks"


@refused("from scratch with much data", says="same network from scratch reached", earned=2)
def choose_strategy(m, similar):
    return "same network from scratch" if m > 500 else "fine-tune many blocks"


@refused("from scratch always", says="same network from scratch reached")
def choose_strategy(m, similar):
    return "same network from scratch"


@accepted("by the means of the table")
def choose_strategy(m, similar):
    means = {
        "head on top features": 0.7,
        "fine-tune many blocks": 0.8,
        "small network from scratch": 0.5,
    }
    return max(means, key=means.get)


@refused("in capitals", says="'Fine-Tune Many Blocks'", misconception="unknown name")
def choose_strategy(m, similar):
    return "Fine-Tune Many Blocks"


@refused("a space in place of a hyphen", says="in the figure of 3.4", misconception="unknown name")
def choose_strategy(m, similar):
    return "fine tune many blocks"


@refused("the table of the courses", says="small network from scratch reached", earned=3)
def choose_strategy(m, similar):
    if m > 500:
        return "fine-tune few blocks" if similar else "small network from scratch"
    return "head on top features" if similar else "head on earlier features"


@refused("the size asked backwards", says="With", earned=1)
def choose_strategy(m, similar):
    if m > 500:
        return "same network from scratch"
    return "head on top features" if similar else "same network from scratch"


@refused("a pair", says="a list of 2 entries", misconception="several")
def choose_strategy(m, similar):
    return ("fine-tune many blocks", 0.9)


@refused(
    "only for a hundred", says="is there a `return`", earned=1, misconception="nothing returned"
)
def choose_strategy(m, similar):
    if m < 500:
        return "fine-tune many blocks"
