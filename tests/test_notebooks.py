"""Every notebook executes from top to bottom, and shows what is stored in it."""

import ast
import json
import re
import subprocess
import symtable
import sys
from pathlib import Path

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.checks.display import solution_source
from coursehelpers.execution import notebooks, replay
from coursehelpers.execution.__main__ import LEAST_SHARE
from coursehelpers.execution.publish import COVER, COVER_PATH, HEADLINE, TIMES, readme_table
from coursehelpers.execution.run import execute
from coursehelpers.execution.student import repository
from coursehelpers.execution.validate import validate

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
PATHS = notebooks.find(ROOT / "notebooks")
NBGRADER_KEYS = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def executed(request, profile):
    """Execute each notebook once, when the first test asks for it."""
    done = {}
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def run(path):
        if path not in done:
            # It takes a minute or more: let the progress bar through.
            with capture.global_and_fixture_disabled():
                print(f"\nexecuting {path.stem} ({profile})", file=sys.stderr, flush=True)
                parameters = {"PROFILE": profile, "SEED": 0, "DEVICE": "cpu"}
                done[path] = execute(path, BUILD / profile / path.name, parameters)
        return done[path]

    return run


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
def test_what_takes_long_says_so_and_nothing_takes_more_than_a_minute(path):
    said = [notebooks.RUNTIME.match(c.source) for c in notebooks.code_cells(notebooks.read(path))]
    assert all(int(match[1]) <= 60 for match in said if match)


@each_notebook
def test_no_result_is_typed_into_the_text(path):
    cells = [c for c in notebooks.read(path).cells if c.cell_type == "markdown"]
    sections = re.findall(r"^#+ (\d+\.\d+) ", "\n".join(cell.source for cell in cells), re.M)
    typed = {
        c.id: result_digits(c.source, sections) for c in cells if TIMES not in notebooks.tags(c)
    }
    assert not {name: found for name, found in typed.items() if found}


@each_notebook
def test_claims_stand_alone_and_lie_beside_the_executed_copy(path, executed):
    result = executed(path)
    copy = notebooks.read(result.path)
    making = [c for c in notebooks.code_cells(copy) if notebooks.claims(c)]
    # The outputs of such a cell are compared by their states alone.
    assert all(len(cell.outputs) == len(notebooks.claims(cell)) for cell in making)
    recorded = json.loads(Path(result.path).with_suffix(".claims.json").read_text())
    assert [claim["cell"] for claim in recorded] == [c.id for c in making for _ in c.outputs]
    assert len(recorded) == result.claims > 0
    # An undecided one would contradict nothing: as robust it would be compared in vain.
    stored = [c for c in notebooks.code_cells(notebooks.read(path)) if notebooks.claims(c)]
    robust = [c for c in stored if notebooks.ROBUST in notebooks.tags(c)]
    assert robust
    assert all(claim["state"] != "undecided" for c in robust for claim in notebooks.claims(c))


@each_notebook
def test_every_statement_is_claimed_once(path):
    cells = notebooks.code_cells(notebooks.read(path))
    statements = [claim["statement"] for cell in cells for claim in notebooks.claims(cell)]
    assert len(set(statements)) == len(statements)


@each_notebook
def test_texts_say_what_came_out(path):
    published = notebooks.read(path)
    assert notebooks.contradictions(published, published) == []


@each_notebook
def test_every_cell_runs_and_every_check_passes(path, executed):
    result = executed(path)
    assert result.problems == ()
    assert result.cells == len(notebooks.code_cells(notebooks.read(path)))
    assert result.passed == result.checks > 0


@each_notebook
def test_outputs_are_those_that_are_stored(path, executed, profile):
    result = validate(path, executed(path).path, profile, BUILD / profile / "validation")
    assert result.passed, result.report
    assert result.share >= LEAST_SHARE[profile], f"compared only {result.share:.0%}"


@each_notebook
def test_nbgrader_validates_it(path, executed, profile, tmp_path):
    # The recorded outputs again serve for a second run.
    result = executed(path)
    source = notebooks.read(path)
    nbformat.write(source, tmp_path / path.name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nbgrader", "validate", path.name),
            f"--Execute.kernel_name={replay.NAME}",
        ],
        env=replay.environment(result.path, tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "Success! Your notebook passes all the tests." in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


@each_notebook
def test_nothing_red_and_no_trace_of_a_progress_bar_is_recorded(path, executed):
    for source in (path, executed(path).path):
        for cell in notebooks.code_cells(notebooks.read(source)):
            for output in cell.outputs:
                assert output.get("name") != "stderr", (cell.id, output.text)
                # Any letters may follow each other in a picture's base64.
                shown = {
                    kind: x for kind, x in output.get("data", {}).items() if kind != "image/png"
                }
                assert "it/s" not in json.dumps([shown, output.get("text")]), cell.id


@each_notebook
def test_notebook_is_valid_and_its_cells_have_stable_ids(path):
    notebook = notebooks.read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert not [cell.id for cell in notebook.cells if re.fullmatch(r"[0-9a-f]{8}", cell.id)]


@each_notebook
def test_parameters_are_one_assignment_per_line(path):
    (cell,) = [c for c in notebooks.read(path).cells if "parameters" in notebooks.tags(c)]
    names = [node.targets[0].id for node in ast.parse(cell.source).body]
    assert names == ["PROFILE", "SEED", "DEVICE"]
    assert 'PROFILE = "standard"' in cell.source


@each_notebook
def test_cells_are_short(path):
    long = {c.id: c.source.count("\n") + 1 for c in notebooks.code_cells(notebooks.read(path))}
    assert not {name: lines for name, lines in long.items() if lines > 15}


@each_notebook
def test_every_figure_has_alternative_text(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 40, cell.id


@each_notebook
def test_every_exercise_has_its_cells(path):
    notebook = notebooks.read(path)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    wanted = {e.id: e for e in EXERCISES.values() if e.notebook == path.stem}
    solutions = notebooks.answers(notebook)
    grades = [cell for cell in notebook.cells if notebooks.is_grade(cell)]
    assert set(solutions) == set(wanted)
    assert [cell.metadata.nbgrader.grade_id for cell in grades] == [f"check_{n}" for n in solutions]
    for cell in grades:
        name = cell.metadata.nbgrader.grade_id.removeprefix("check_")
        assert cell.source == f'check("{name}").earned'
        assert cell.metadata.nbgrader.points == wanted[name].points
        assert f"# {wanted[name].section}\n" in text, "the section to go back to does not exist"


@each_notebook
def test_solution_cells_hold_the_published_solutions(path):
    for name, cell in notebooks.answers(notebooks.read(path)).items():
        lines = cell.source.splitlines()
        markers = [line.strip() for line in lines if line.strip().startswith("### ")]
        assert markers == ["### BEGIN SOLUTION", "### END SOLUTION"]
        without = "\n".join(line for line in lines if not line.strip().startswith("### "))
        assert without == solution_source(name)


def names_set(cell):
    """Return the names that a cell sets in the notebook, those inside its functions left out."""
    code = ast.parse(cell.source)
    inner = {
        node
        for scope in ast.walk(code)
        if isinstance(scope, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.comprehension)
        for node in ast.walk(scope)
        if node is not scope
    }
    stored = (n for n in ast.walk(code) if isinstance(n, ast.Name) and n not in inner)
    functions = (n.name for n in code.body if isinstance(n, ast.FunctionDef | ast.ClassDef))
    return {n.id for n in stored if isinstance(n.ctx, ast.Store)} | {*functions}


def steps(body):
    """Return the statements of a cell in the order in which they read and set names."""
    for node in body:
        if isinstance(node, ast.For):
            yield ast.Assign([node.target], node.iter, lineno=0)
        elif isinstance(node, ast.With):
            yield from (
                ast.Assign([i.optional_vars], i.context_expr, lineno=0) if i.optional_vars else i
                for i in node.items
            )
        elif isinstance(node, ast.If | ast.While):
            yield ast.Expr(node.test)
        else:
            yield node
            continue
        yield from steps([*node.body, *getattr(node, "orelse", ())])


def names_read(cell):
    """Return the names that a cell takes from the cells before it, its functions included."""
    found, own = set(), set()
    for step in steps(ast.parse(cell.source).body):
        part = nbformat.v4.new_code_cell(ast.unparse(step))
        tables, read = [symtable.symtable(part.source, cell.id, "exec")], set()
        while tables:
            table = tables.pop()
            tables += table.get_children()
            symbols = table.get_symbols()
            read |= {s.get_name() for s in symbols if s.is_referenced() and s.is_global()}
        loops = [n.target for n in ast.walk(step) if isinstance(n, ast.comprehension)]
        inner = {n.id for loop in loops for n in ast.walk(loop) if isinstance(n, ast.Name)}
        found |= read - own - inner
        own |= names_set(part)
    return found


def rebound(cells):
    """Find the names with which a section would not run again after the whole notebook has run.

    Parameters
    ----------
    cells : list of (str, cell)
        The section of each code cell, and the cell.

    Returns
    -------
    list of str
    """
    last = {name: cell.id for _, cell in cells for name in names_set(cell)}
    bound, found, fresh = {}, [], (None, set())
    for section, cell in cells:
        if section != fresh[0]:
            fresh = (section, set())  # what this section itself has bound
        before = {n for n in names_read(cell) if n in bound and n not in fresh[1]}
        found += [
            f"{cell.id} reads {name}, which {last[name]} binds to something else"
            for name in sorted(before)
            if last[name] != bound[name]
        ]
        fresh[1].update(names_set(cell))
        bound |= dict.fromkeys(names_set(cell), cell.id)
    return found


def sections(notebook):
    """Return each code cell with the title of its section."""
    section, found = None, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section = (re.findall(r"^##? (.+)$", cell.source, re.M) or [section])[-1]
        else:
            found.append((section, cell))
    return found


def test_a_section_that_cannot_run_again_is_found():
    def cells(*sources):
        return [
            (s, nbformat.v4.new_code_cell(code, id=f"{s}-{i}"))
            for i, (s, code) in enumerate(sources)
        ]

    load, use, rebind = ("1", "x = 1"), ("2", "y = x + 1"), ("3", "x = 2")
    assert rebound(cells(load, use, rebind)) == ["2-1 reads x, which 3-2 binds to something else"]
    assert not rebound(cells(load, ("2", "x = 1"), use, rebind))
    assert not rebound(cells(load, use, ("3", "z = [x for x in [y]]")))
    assert not rebound(cells(load, ("1", "x += 1"), ("1", "def f(): return x")))
    assert rebound(cells(load, ("2", "def f(): return x"), rebind))


@each_notebook
def test_every_section_runs_again_after_the_whole_notebook(path):
    assert rebound(sections(notebooks.read(path))) == []


@each_notebook
def test_no_lesson_cell_overwrites_an_answer(path):
    for cell in notebooks.code_cells(notebooks.read(path)):
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            assert not names_set(cell) & set(EXERCISES), cell.id


@each_notebook
def test_nbgrader_metadata_follows_schema_3(path):
    for cell in notebooks.read(path).cells:
        facts = cell.metadata.get("nbgrader")
        if facts is not None:
            assert set(facts) == NBGRADER_KEYS | ({"points"} if facts.grade else set())
            assert facts.schema_version == 3
            assert facts.grade != facts.solution
            assert facts.locked == facts.grade
            assert facts.task is False


@each_notebook
def test_published_facts_are_written_by_the_execution(path):
    notebook = notebooks.read(path)
    facts = notebook.metadata.coursehelpers
    by_tag = {
        tag: [c for c in notebook.cells if tag in notebooks.tags(c)] for tag in (TIMES, HEADLINE)
    }
    assert f"**CPU time**, measured: {facts.cpu_seconds} s." in by_tag[TIMES][0].source
    assert facts.headline == " ".join(by_tag[HEADLINE][0].outputs[0].text.split())


def test_readme_shows_what_the_notebooks_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    read = {path: notebooks.read(path) for path in PATHS}
    assert readme_table(read, repository(ROOT)) in readme
    assert str(COVER_PATH) in readme
    covers = [c for path in PATHS for c in notebooks.read(path).cells if COVER in notebooks.tags(c)]
    assert len(covers) == 1
    assert (ROOT / COVER_PATH).stat().st_size > 10_000
