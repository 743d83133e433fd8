"""Answers for choosing a strategy, judged by the measured grid."""

from tests.answers import accepted, refused


# In each cell there is more than one right answer: what an answer is free to choose stands here.
def by_two_questions(m, similar):
    if m < 500:
        return "head on top features" if similar else "head on earlier features"
    return "fine-tune many blocks"


def by_table(m, similar):
    little = {True: "head on top features", False: "fine-tune many blocks"}
    return little[similar] if m < 1000 else "fine-tune few blocks"


def read_off():
    return {
        "small network from scratch": 0.5,
        "fine-tune many blocks": 0.8,
        "head on top features": 0.7,
    }


def means_of_grid():
    from coursehelpers.transfer import load_grid

    return load_grid().groupby(["size", "domain", "strategy"])["test"].mean()


# Not within the answer, for whose time it may take too long to import Pandas.
MEANS = means_of_grid()


def measured(m, similar):
    """The mean accuracies of the grid for a size and a domain."""
    return MEANS["little" if m < 1000 else "much", "similar" if similar else "different"]


@accepted("two questions")
def choose_strategy(m, similar):
    return by_two_questions(m=m, similar=similar)


@accepted("a table")
def choose_strategy(m, similar):
    return by_table(m=m, similar=similar)


@accepted("the best one measured")
def choose_strategy(m, similar):
    return measured(m=m, similar=similar).idxmax()


@accepted("put together from words")
def choose_strategy(m, similar):
    return " ".join(["fine-tune", "many", "blocks"])


@accepted("the same for all")
def choose_strategy(m, similar):
    return "fine-tune many blocks"


@refused("nothing returned", says="is there a `return`", misconception="nothing returned")
def choose_strategy(m, similar):
    "fine-tune many blocks"


@refused("a number", says="as text", misconception="a number")
def choose_strategy(m, similar):
    return 3


@refused("all that are tied", says="one name", misconception="several")
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
    means = read_off()
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
