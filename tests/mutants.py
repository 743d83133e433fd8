"""Derive mutants: answers that differ from a right one in one place, and so should be wrong.

Written with `ast`, because the libraries for it leave no say in what is mutated: Cosmic Ray, the
nearest, would bring thirteen packages for operators most of which only raise TypeErrors on floats.
"""

import ast
import math
import warnings
import zlib
from collections import Counter
from typing import NamedTuple

ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
FUNCTIONS = dict(
    pair
    for one, other in [
        ("sum", "mean"),
        ("min", "max"),
        ("argmin", "argmax"),
        ("minimum", "maximum"),
        ("floor", "ceil"),
        ("zeros", "ones"),
        ("zeros_like", "ones_like"),
        ("any", "all"),
    ]
    for pair in [(one, other), (other, one)]
)
BUILTINS = {"min", "max", "any", "all"}
# The order of their arguments does not matter.
COMMUTATIVE = {"add", "multiply", "min", "max", "minimum", "maximum", "allclose", "array_equal"}
# What changes nothing, or only what an answer is free to choose: names, seeds, precision, and how
# wide and of what kind the hidden layers are.
FREE_KEYWORDS = {"name", "seed", "dtype", "strict", "verbose", "rcond", "units"}
FREE_KEYWORDS |= {"kernel_initializer", "strides"}
FREE_CALLS = {"default_rng", "set_random_seed", "SeedGenerator", "RandomState"}
FREE_TEXTS = {"relu", "tanh", "selu", "adam", "float16", "float32", "float64"}
WIDE_LAYERS = {"Dense", "Conv2D"}
CLASSES = 10  # the one width that is no free choice
ANNOTATIONS = {"annotation", "returns", "decorator_list", "type_params"}


class Mutant(NamedTuple):
    """A changed answer: of what kind the change is, the changed lines, and the whole text."""

    exercise: str
    answer: str
    kind: str
    old: str
    new: str
    source: str

    @property
    def change(self):
        """The change in one line, as `tests/equivalent_mutants.py` names it."""
        return f"{self.old} -> {self.new}"


def mutants_of(source, exercise, answer=""):
    """Return all mutants of the function of an exercise's name, each text once.

    Parameters
    ----------
    source : str
        A module in which the function stands; what else stands there is left alone.
    exercise, answer : str
        Names of the exercise and of its answer.

    Returns
    -------
    list of Mutant

    Examples
    --------
    >>> [mutant.change for mutant in mutants_of("def half(x): return x / 2", "half")][:2]
    ['return x / 2 -> return x * 2', 'return x / 2 -> return x']
    """
    tree = ast.parse(source)
    function = next(n for n in reversed(tree.body) if getattr(n, "name", "") == exercise)
    texts = [n.value for n in _nodes(function) if _is_text(n)]
    before = ast.unparse(tree)
    found = {}
    for holder, key in list(_places(function)):
        node = holder[key]
        for kind, replacement in _changes(node, texts):
            holder[key] = replacement
            after = ast.unparse(ast.fix_missing_locations(tree))
            if after != before and _compiles(after):
                changed = _changed_lines(before, after)
                found.setdefault(after, Mutant(exercise, answer, kind, *changed, after))
        holder[key] = node
    return list(found.values())


def draw(pool, count):
    """Return at most `count` of the mutants, spread over kinds and then over answers.

    Which are drawn depends on nothing but the mutants' texts. With None as `count` all are.
    """
    left = sorted(pool, key=lambda m: (zlib.crc32(f"{m.answer} {m.change}".encode()), m))
    drawn, used = [], Counter()
    while left and len(drawn) != count:
        mutant = min(left, key=lambda m: (used[m.kind], used[m.answer]))
        used.update([mutant.kind, mutant.answer])
        left.remove(mutant)
        drawn.append(mutant)
    return drawn


def _places(node):
    """Yield where a node's descendants stand, as a dict or list and the key in it."""
    for field, value in ast.iter_fields(node):
        if field in ANNOTATIONS:
            continue
        holder, keys = (
            (value, range(len(value))) if isinstance(value, list) else (vars(node), [field])
        )
        for key in keys:
            child = holder[key]
            if isinstance(child, ast.AST) and not _is_left_alone(child, node):
                yield holder, key
                yield from _places(child)


def _nodes(node):
    return [holder[key] for holder, key in _places(node)]


def _is_left_alone(node, parent):
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Raise():
            return True
        case ast.keyword() if _is_free(node):
            return True
        case ast.Constant(str(text)) if text in FREE_TEXTS:
            return True
        case ast.Constant(int(width)) if _name_of(getattr(parent, "func", None)) in WIDE_LAYERS:
            return width != CLASSES
        case ast.Call(func) if _name_of(func) in FREE_CALLS:
            return True
    return isinstance(node, ast.Expr) and _is_text(node.value)  # a docstring


def _is_free(keyword):
    match keyword.value:
        case ast.Constant(value) if value in FREE_TEXTS:
            return True
        case ast.Name(name) if name == keyword.arg == "training":
            return True  # Keras hands the mode on by itself
    return keyword.arg in FREE_KEYWORDS


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _name_of(node):
    return getattr(node, "attr", getattr(node, "id", ""))


def _changes(node, texts):
    """Yield what a node may be replaced with, each with the kind of the change."""
    match node:
        case ast.Constant(value):
            yield from (("constant", ast.Constant(other)) for other in _other_values(value, texts))
        case ast.BinOp(left, op, right):
            if other := ARITHMETIC.get(type(op)):
                yield "arithmetic", ast.BinOp(left, other(), right)
            if getattr(right, "value", None) != 1:  # which becomes 0 as a constant
                yield "operand", left
            yield "operand", right
        case ast.AugAssign(target, op, value):
            if other := ARITHMETIC.get(type(op)):
                yield "arithmetic", ast.AugAssign(target, other(), value)
            yield "statement", ast.Assign([target], value)
            yield "statement", ast.Pass()
        case ast.UnaryOp(_, operand):
            yield "unary", operand
        case ast.Compare(left, [op], right):
            for other in COMPARISONS[type(op)]:
                yield "comparison", ast.Compare(left, [other()], right)
        case ast.BoolOp(op, values):
            yield "boolean", ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from (("operand", value) for value in values)
        case ast.If(test, body, orelse) | ast.IfExp(test, body, orelse):
            yield from (("condition", type(node)(t, body, orelse)) for t in _negated(test))
            if isinstance(node, ast.If):
                yield "statement", ast.Pass()
        case ast.While(test, body, orelse):
            yield from (("condition", ast.While(other, body, orelse)) for other in _negated(test))
        case ast.comprehension(target, iterable, [test], is_async):
            for tests in ([], *([other] for other in _negated(test))):
                yield "condition", ast.comprehension(target, iterable, tests, is_async)
        case ast.Break():
            yield "jump", ast.Continue()
        case ast.Continue():
            yield "jump", ast.Break()
        case ast.Slice(lower, upper, step):
            yield from (("bound", ast.Slice(*b, step)) for b in [(None, upper), (lower, None)])
            yield from (("bound", ast.Slice(lower, other, step)) for other in _off_by_one(upper))
        case ast.Call(func, arguments, keywords):
            yield from _changed_calls(func, arguments, keywords)
        case ast.Tuple(items, ast.Load()) | ast.List(items, ast.Load()):
            yield from (("order", type(node)(other, node.ctx)) for other in _swapped(items))
        case ast.Assign(value=ast.Call(ast.Attribute(attr="astype"))):
            pass
        case ast.Expr() | ast.For():
            yield "statement", ast.Pass()
        case ast.Assign([ast.Subscript() | ast.Attribute()]):
            yield "statement", ast.Pass()
        case ast.Assign([ast.Name(name)], value) if name in map(_name_of, ast.walk(value)):
            yield "statement", ast.Pass()


def _changed_calls(func, arguments, keywords):
    name = _name_of(func)
    if name not in COMMUTATIVE:
        yield from (("order", ast.Call(func, a, keywords)) for a in _swapped(arguments))
    for keyword in keywords:
        if not _is_free(keyword):
            yield "keyword", ast.Call(func, arguments, [k for k in keywords if k is not keyword])
    if other := FUNCTIONS.get(name):
        if isinstance(func, ast.Attribute):
            yield "function", ast.Call(ast.Attribute(func.value, other), arguments, keywords)
        elif name in BUILTINS:
            yield "function", ast.Call(ast.Name(other), arguments, keywords)
    if name == "range":
        *start, stop = arguments[:2]
        for other in _off_by_one(stop):
            yield "bound", ast.Call(func, [*start, other, *arguments[2:]], keywords)


def _other_values(value, texts):
    """Return what may stand in a constant's place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return [text for text in dict.fromkeys(texts) if text != value]
    if isinstance(value, int):
        return [value + 1, value - 1] if abs(value) <= 10 else [2 * value, value // 2]
    if isinstance(value, float) and (value == 0 or 1e-4 < abs(value) < math.inf):
        return [2 * value or 1.0, value / 2 or -1.0]
    return []  # None, and what only keeps a denominator from zero


def _off_by_one(node):
    if node is not None and not any(isinstance(n, ast.Constant) for n in ast.walk(node)):
        yield from (ast.BinOp(node, op, ast.Constant(1)) for op in (ast.Add(), ast.Sub()))


def _swapped(items):
    """Yield a list with each two neighbours in each other's place."""
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def _negated(test):
    if not isinstance(test, ast.Compare):  # which is negated as a comparison
        yield ast.UnaryOp(ast.Not(), test)


def _compiles(source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that a number is no function
        try:
            compile(source, "mutant", "exec")
        except SyntaxError:
            return False
    return True


def _changed_lines(before, after):
    """Return what of two texts differs, the lines of each joined into one."""
    old, new = before.splitlines(), after.splitlines()
    start = next(i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
    while len(old) > start + 1 and len(new) > start + 1 and old[-1] == new[-1]:
        del old[-1], new[-1]
    return tuple("; ".join(line.strip() for line in lines[start:]) for lines in (old, new))
