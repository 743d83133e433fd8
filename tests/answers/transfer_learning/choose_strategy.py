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
