"""The texts of a notebook hold: results rest on claims, numbers on code, descriptions on data."""

import ast
import re

import pytest

from coursehelpers.lessons import notebooks
from coursehelpers.lessons.publish import TIMES
from tests.test_notebooks import each_notebook

# What is no result: code, formulas, addresses, the number of a paper, the usual level of intervals.
NO_RESULT = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|https?://\S+|arXiv:\S+|95 %", re.S)


def result_digits(text, sections=()):
    """Find what looks like a typed result in Markdown: decimals and per cents."""
    prose = NO_RESULT.sub(" ", text)
    found = re.findall(
        r"(?<![\w.])[-+]?\d*\.\d+|\d+(?= ?%| per ?cent\b|-fold\b| times (?:as|faster|slower|better|worse)\b)",
        prose,
    )
    return [number for number in found if number not in sections]


@pytest.mark.parametrize(
    "text",
    [
        "It reaches 0.77 test accuracy.",
        "L2 gains +.03 over none.",
        "About 12 % fewer errors, 3.5 points more, and it is 4 times faster.",
        "It is right in 77 percent.",
        "| none | 0.71 |",
    ],
)
def test_a_typed_result_is_found(text):
    assert result_digits(text)


@pytest.mark.parametrize(
    "text",
    [
        "See 1.4 (Holm 1979): 28 x 28 pixels, 512 units, the 95 % interval. Repeat it 3 times.",
        "Below `0.001`, with $\\lambda = 0.5$, at https://a.org/1.5 and arXiv:1708.07747.",
        "```\naccuracy 0.7\n``` and $$ 0.5 \\cdot 2.5 $$",
    ],
)
def test_what_is_no_result_may_be_typed(text):
    assert not result_digits(text, sections=["1.4"])


VALUES = {
    **{"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9},
    **{"ten": 10, "twelve": 12, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60},
}
SCALES = {"hundred": 100, "thousand": 1000}
WORDS, LARGE = "|".join(VALUES), "|".join(SCALES)
NUMBER = rf"\d[\d,]*|(?:{WORDS}|an?|few) (?:{LARGE})|{WORDS}"
REPEATED, COUNTED = (
    "seeds?|draws?|repetitions?",
    ("epochs?|photos?|images?|pictures?|examples?|steps?|iterations?"),
)
ADJECTIVES = "more|new|test|training|validation|real|other|grey|noisy"
QUANTITY = re.compile(
    rf"\b({NUMBER}) (?:(?:{ADJECTIVES}) )*(?:({REPEATED})|{COUNTED})\b", re.IGNORECASE
)


def quantities(text):
    """Find the numbers of things in Markdown; of each its phrase, value, and whether seeds vary it."""
    prose = NO_RESULT.sub(" ", text)
    return [(m[0], value_of(m[1]), bool(m[2])) for m in QUANTITY.finditer(prose)]


def value_of(words):
    """Return the number that digits or words stand for."""
    if words[0].isdigit():
        return int(words.replace(",", ""))
    first, *scale = words.lower().split()
    return VALUES.get(first, 1) * (SCALES[scale[0]] if scale else 1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We train on a thousand images only.", [("a thousand images", 1000, False)]),
        ("Five seeds cannot tell.", [("Five seeds", 5, True)]),
        (
            "Train for 10,000 iterations, or two hundred new photos.",
            [("10,000 iterations", 10_000, False), ("two hundred new photos", 200, False)],
        ),
        ("In 1.4 the images of $3$ epochs, `30` epochs and 28 x 28 pixels.", []),
        ("A million photos; each image; many epochs.", []),
    ],
)
def test_numbers_of_things_are_found(text, found):
    assert quantities(text) == found


def numbers_shown(cell):
    """Return the numbers in the source of a code cell and in what it shows."""
    shown = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    text = re.sub(r"(?<=\d)[_,](?=\d{3})", "", "\n".join([cell.source, *shown]))
    return {int(number) for number in re.findall(r"(?<![\w.])\d+(?![\w.]*\d)", text)}


def untied_numbers(notebook):
    """Find the numbers of things in the text that no code cell named beside them has."""
    code, found = {cell.id: cell for cell in notebooks.code_cells(notebook)}, []
    for cell in notebook.cells:
        free = "**Exercise.**" in cell.source or cell.source.startswith(
            ("### Quiz", "### Glossary")
        )
        if cell.cell_type != "markdown" or free:
            continue
        tied = cell.metadata.get("coursehelpers", {}).get("numbers", {})
        for phrase, number, of_the_profile in quantities(cell.source):
            shown = numbers_shown(code[tied[phrase]]) if tied.get(phrase) in code else ()
            if of_the_profile or number not in shown:
                found.append(f"{cell.id}: {phrase}")
    return found


@each_notebook
def test_numbers_in_the_text_are_those_of_the_code(path):
    assert untied_numbers(notebooks.read(path)) == []


TREND = re.compile(
    r"\b(falls?|falling|rises?|rising|approach\w*|levels? off|peaks?|valleys?|far|near|wide\w*|worse|better|"
    r"higher|lower|longer|ever|fades?)\b"
)


@each_notebook
def test_alternative_text_says_what_is_drawn_and_leaves_trends_to_the_data(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        for call in ast.walk(ast.parse(cell.source)):
            for keyword in getattr(call, "keywords", ()):
                if keyword.arg == "alt":
                    assert not TREND.search(ast.unparse(keyword.value)), cell.id


@each_notebook
def test_no_result_is_typed_into_the_text(path):
    cells = [c for c in notebooks.read(path).cells if c.cell_type == "markdown"]
    sections = re.findall(r"^#+ (\d+\.\d+) ", "\n".join(cell.source for cell in cells), re.M)
    typed = {
        c.id: result_digits(c.source, sections) for c in cells if TIMES not in notebooks.tags(c)
    }
    assert not {name: found for name, found in typed.items() if found}


@each_notebook
def test_every_statement_is_claimed_once(path):
    cells = notebooks.code_cells(notebooks.read(path))
    statements = [claim["statement"] for cell in cells for claim in notebooks.claims(cell)]
    assert len(set(statements)) == len(statements)


@each_notebook
def test_texts_say_what_came_out(path):
    published = notebooks.read(path)
    assert notebooks.contradictions(published, published) == []
