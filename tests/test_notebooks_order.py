"""After a whole notebook has run, each of its sections runs again."""

import ast
import re
import symtable

import nbformat
import pytest

from coursehelpers.checks.core import EXERCISES
from coursehelpers.lessons import notebooks
from coursehelpers.lessons.run import execute
from tests.test_notebooks import each_notebook

pytestmark = pytest.mark.heavy


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


@pytest.mark.again
@each_notebook
def test_every_section_gives_the_same_again(path, tmp_path):
    made, by_section = notebooks.read(path), {}
    for section, cell in sections(made):
        by_section.setdefault(section, []).append(cell)
    # The last one first: what an earlier section binds is then as the whole notebook left it.
    for cell in (cell for section in reversed(by_section.values()) for cell in section):
        made.cells.append(nbformat.from_dict({**cell, "id": f"{cell.id}-again"}))
        made.cells[-1].metadata["tags"] = [t for t in notebooks.tags(cell) if t != "parameters"]
    source = tmp_path / "notebooks" / path.name
    source.parent.mkdir()
    nbformat.write(made, source)
    parameters = {"PROFILE": "smoke", "SEED": 0, "DEVICE": "cpu"}
    result = execute(source, tmp_path / path.name, parameters)
    assert result.problems == ()
    cells = {cell.id: cell for cell in notebooks.code_cells(notebooks.read(result.path))}
    for name, cell in cells.items():
        if again := cells.get(f"{name}-again"):
            assert notebooks.claims(again) == notebooks.claims(cell), name
