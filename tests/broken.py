"""Kinds of broken submissions, and what each of them has to cost."""

import json
import os
import socket
from typing import NamedTuple

import nbformat

from coursehelpers.grading.notebook import MAX_FILE
from tests.submissions import RIGHT, SMALL, answer, code, stub, submitted

NOTHING = dict.fromkeys(SMALL, ("not attempted", ""))


class Kind(NamedTuple):
    """A kind of broken submission, and what it has to cost.

    Attributes
    ----------
    notebook : nbformat.NotebookNode, bytes or callable
        The notebook, the content of the file, or what makes something of that path.
    lost : dict
        Status and a part of the message of each exercise that is not passed.
    says : str
        A part of the problem or of a mention.
    final : bool
        Whether it would be graded again.
    """

    notebook: object
    lost: dict
    says: str = ""
    final: bool = True


def own(text, lost=(), says=""):
    """A cell of the student's own, before right answers."""
    return Kind(submitted({}, [text]), dict(lost), says)


def wrong(body, status, says, head="", name="l2_penalty"):
    """One wrong answer among right ones."""
    text = f"{head}def {name}(weights, lambda_, m):\n    {body}"
    return Kind(submitted({name: text}), {name: (status, says)})


def cells(*cells, lost=(), says=""):
    return Kind({"cells": cells, "metadata": {}}, dict(lost), says)


def file(content, says, final=True):
    """What is no notebook."""
    lost = NOTHING if final else dict.fromkeys(SMALL, ("error", ""))
    return Kind(content, lost, says, final)


def without(notebook, *keys):
    """Return a notebook whose cells lack something."""
    for cell in notebook.cells:
        for key in keys:
            del cell[key]
    return notebook


def huge(path):
    with open(path, "wb") as file:
        file.truncate(10**12)  # takes no space on the disk


def bind(path):
    folder = os.getcwd()
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(folder)


def lost(*names, status="error", says=""):
    return dict.fromkeys(names, (status, says))


RIGHT_CELLS = [answer(name) for name in SMALL]
USES_NUMPY = [name for name in SMALL if "np." in RIGHT[name]]
FOREVER = "import threading\nthreading.Event().wait()"
DIE = "import os\nos._exit(0)"
HELPERS = "größe, 变量 = 1, 2\n\n" + RIGHT["l2_penalty"].replace("return ", "return größe * ")

KINDS = {
    # files
    "empty file": file(b"", "The file is empty."),
    "text": file(b"Dear teacher, my dog ate it.", "The file is not a notebook: Expecting value"),
    "cut off": file(json.dumps(submitted()).encode()[:-9], "The file is not a notebook: "),
    "zip": file(b"PK\x03\x04" + bytes(range(256)), "The file is not a notebook: "),
    "huge": file(huge, f"The file is too large, more than {MAX_FILE // 2**20} MB."),
    "nested": file(b"[" * 10**6, "The file is nested too deeply."),
    "no cells": file(b'{"nbformat": 4}', "The file is not a notebook: it has no list of cells"),
    "folder": file(os.mkdir, "The file is a folder; hand in the notebook itself.", False),
    "pipe": file(os.mkfifo, "The file is a named pipe; hand in the notebook itself.", False),
    "socket": file(bind, "The file is a socket or a device; hand in the", False),
    "link to nothing": file(
        lambda path: path.symlink_to("nothing"), "The file is a link; hand in the", False
    ),
    "link out": file(lambda path: path.symlink_to("/etc/passwd"), "The file is a link;", False),
    "link to another": file(
        lambda path: path.symlink_to("right.ipynb"), "The file is a link", False
    ),
    # cells
    "right": Kind(submitted(), {}),
    "no cell": cells(lost=NOTHING),
    "untouched": Kind(submitted(fill={}), NOTHING),
    "format 3": Kind(nbformat.writes(nbformat.convert(submitted(), 3), version=3).encode(), {}),
    "format 4.0": Kind(without(submitted(), "id"), {}),
    "UTF-16": Kind(json.dumps(submitted()).encode("utf-16"), {}),
    "one answer": cells(answer("l2_penalty"), lost=lost(*SMALL[1:], status="not attempted")),
    "answers doubled": cells(
        *RIGHT_CELLS, *RIGHT_CELLS, says="2 cells could be the answer; cell 4"
    ),
    "stubs after answers": cells(*RIGHT_CELLS, *map(stub, SMALL), says="cells could be the answer"),
    "other order": cells(*RIGHT_CELLS[::-1], says="The answers are not in the lesson's order"),
    "retyped": cells(
        {**RIGHT_CELLS[0], "cell_type": "markdown"}, *RIGHT_CELLS[1:], says="no code cell any more"
    ),
    "no metadata": Kind(without(submitted(), "metadata", "id"), {}, "found by the function's name"),
    "equal ids": cells(*({**cell, "id": "a"} for cell in [code("x = 1"), *RIGHT_CELLS])),
    "damaged cells": cells({"cell_type": "code", "source": 7}, *RIGHT_CELLS, says="passed over: 1"),
    "all in one cell": cells(
        code("\n\n".join(RIGHT.values())), says="found by the function's name"
    ),
    "setup deleted": cells(*RIGHT_CELLS, says="are missing and 0 are changed"),
    "imports changed": Kind(
        cells(code("import nump as np", "imports", tags=["setup"]), *RIGHT_CELLS).notebook, {}
    ),
    # own cells
    "syntax error": own("def broken(:"),
    "undefined": own("print(undefined)"),
    "smart quotes": own("print(“hello”)"),
    "NUL": own("x = 1\0"),
    "surrogate": own("x = '\ud800'"),
    "non-ASCII names": Kind(submitted({"l2_penalty": HELPERS}, ["größe = 0"]), {}),
    "magics": own("%matplotlib inline\n%time 1 + 1\n!echo hello\n%no_such_magic\n%%bash\nls"),
    "await": own("import asyncio\nawait asyncio.sleep(0)"),
    "raise SystemExit": own("raise SystemExit"),
    "sys.exit": own("import sys\nsys.exit(3)"),
    "exit": own("exit()\nquit()"),
    "KeyboardInterrupt": own("raise KeyboardInterrupt"),
    "mute error": own("class Mute(Exception):\n    __str__ = None\nraise Mute"),
    "os._exit": own(
        DIE, says="cell 3 was left out: The notebook ended the kernel, with exit code 0"
    ),
    "own signal": own("import os\nos.kill(os.getpid(), 11)", says="The kernel died of signal 11"),
    "unknown code": own("import os\nos._exit(168)", says="ended the kernel, with exit code 168"),
    "unknown signal": own("import os\nos.kill(os.getpid(), 40)", says="with exit code"),
    "alarm": own("import signal, time\nsignal.alarm(1)\ntime.sleep(60)", says="died of signal 14"),
    "without end": own(FOREVER, says="cell 3 was left out: A cell ran longer than"),
    "prints without end": own("while True: print('x' * 999)", says="A cell ran longer than"),
    "prints megabytes": own("print('x' * 10**7)\nimport sys\nprint('y' * 10**7, file=sys.stderr)"),
    "memory": own("x = bytearray(10**11)"),
    "all memory": own("x = []\nwhile True: x.append(bytearray(10**8))\n"),
    "recursion": own("def f(): f()\nf()"),
    "input": own("name = input('Your name? ')"),
    "reset": own("%reset -f", lost(*USES_NUMPY, says="name 'np' is not defined")),
    "del": own("del np", lost(*USES_NUMPY, says="name 'np' is not defined")),
    "reset and again": Kind(submitted({}, ["%reset -f", "import numpy as np"]), {}),
    "no kernel": own("get_ipython().kernel.do_shutdown(True)"),
    "GUI": own(
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.show()"
    ),
    "threads": own(
        "import threading, time\n"
        "for daemon in (True, False):\n"
        "    threading.Thread(target=time.sleep, args=[600], daemon=daemon).start()"
    ),
    "processes": own("import subprocess\nsubprocess.Popen(['sleep', '600'])"),
    "warnings": own("import warnings\nwarnings.warn('what')\nwarnings.simplefilter('error')"),
    "other folder": own("import os, tempfile\nos.chdir(tempfile.mkdtemp())"),
    "stdout closed": own("import sys\nsys.stdout.close()\nsys.stderr.close()"),
    "all closed": own("import os\nos.closerange(0, 99)", says="cell 3 was left out: The "),
    "unasked reply": own(
        "import os\n"
        "for file in range(3, 20):\n"
        "    try: os.write(file, b'x' * 50)\n"
        "    except OSError: pass",
        says="cell 3 was left out: The kernel was ended: it sent a frame of",
    ),
    "locale": own("import locale\nlocale.setlocale(locale.LC_ALL, 'C')"),
    "NumPy raises": own("np.seterr(all='raise')\nnp.set_printoptions(precision=0)"),
    "names of builtins": own("list = dict = len = print = str = 3"),
    "no len": own("import builtins\ndel builtins.len", says="cell 3 was left out: The "),
    "no check": own("check = hint = score = None\nimport coursehelpers\ndel coursehelpers"),
    "earlier answer": own("def l2_penalty(*given): return 'no'"),
    "long line": own(f"x = '{'y' * 10**6}'"),
    "last cell without end": cells(*RIGHT_CELLS, code(FOREVER), says="5 are missing"),
    "pool": own(
        "from multiprocessing import Pool\nwith Pool(2) as pool: print(pool.map(abs, [1]))"
    ),
    "no more files": own("import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))"),
    "signals ignored": own("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)"),
    "tracing": own("import sys\nsys.settrace(lambda *args: 1 / 0)"),
    "no json": own("import json\njson.dumps = json.loads = None", says="cell 3 was left out: The "),
    "dies often": Kind(
        submitted({}, [DIE] * 9), lost(*SMALL, says="The notebook ended too many kernels.")
    ),
    # answers
    "answer: syntax error": wrong("return (", "error", "The answer's cell raised SyntaxError"),
    "answer: cell raises": wrong("return 0\n1 / 0", "failed", ""),
    "answer: raises before": wrong("return 0", "error", "cell raised ZeroDivision", head="1 / 0\n"),
    "answer: undefined": wrong("return undefined", "error", "name 'undefined' is not defined"),
    "answer: endless": wrong("while True: pass", "timed out", "took longer than the check allows"),
    "answer: waits": wrong(
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n    while True: pass",
        "timed out",
        "took longer than the check allows",
        head="import signal\n",
    ),
    "answer: cell without end": wrong(
        "pass", "timed out", "A cell ran longer", head=f"{FOREVER}\n"
    ),
    "answer: os._exit": wrong("os._exit(0)", "error", "with exit code 0", head="import os\n"),
    "answer: cell dies": wrong("return 0", "error", "with exit code 0", head=f"{DIE}\n"),
    "answer: sys.exit": wrong("sys.exit()", "error", "called sys.exit", head="import sys\n"),
    "answer: exit": wrong("exit()", "error", "exit"),
    "answer: crash": wrong("ctypes.string_at(0)", "error", "signal 11", head="import ctypes\n"),
    "answer: memory": wrong("return bytearray(10**11)", "error", "Your code raised MemoryError"),
    "answer: recursion": wrong("return l2_penalty(weights, lambda_, m)", "error", "RecursionError"),
    "answer: Ctrl-C": wrong("raise KeyboardInterrupt", "error", "died of signal 2 (SIGINT)"),
    "answer: mute error": wrong(
        "raise Mute", "error", "raised Mute", head="class Mute(Exception):\n    __str__ = None\n"
    ),
    "answer: generator": wrong("yield 1", "error", "Make a list of it."),
    "answer: coroutine": wrong("return 1", "error", "use `def`", head="async "),
    "answer: None": wrong("weights", "failed", "is there a `return`?"),
    "answer: NaN": wrong("return float('nan')", "failed", "your answer is nan"),
    "answer: text": wrong("return 'two'", "failed", "Your answer is a text"),
    "answer: object": wrong("return object()", "error", "an object of type object"),
    "answer: ever deeper": wrong(
        "x = []\n    for _ in range(99): x = [x]\n    return x", "error", "levels deep"
    ),
    "answer: too much": wrong("return np.zeros(10**8)", "error", "takes more than"),
    "answer: number": Kind(
        submitted({"l2_penalty": "l2_penalty = 3"}), lost("l2_penalty", says="should be a function")
    ),
    "answer: emptied": Kind(
        submitted({"l2_penalty": ""}), lost("l2_penalty", status="not attempted")
    ),
    "answer: tensor-like": Kind(
        submitted(
            {
                "l2_penalty": "class Tensor:\n"
                "    def __init__(self, value): self.value = value\n"
                "    def __array__(self, *args, **kwargs): return np.array(self.value)\n"
                "def l2_penalty(weights, lambda_, m):\n"
                "    return Tensor(lambda_ / m * sum((w**2).sum() for w in weights))"
            }
        ),
        {},
    ),
    "answer: changes inputs": Kind(
        submitted(
            {
                "l2_penalty": "def l2_penalty(weights, lambda_, m):\n"
                "    for w in weights: w **= 2\n"
                "    total = lambda_ / m * sum(w.sum() for w in weights)\n"
                "    weights.clear()\n"
                "    return total"
            }
        ),
        {},
    ),
    "answer: lambda": Kind(
        submitted(
            {"l2_penalty": "l2_penalty = lambda w, l, m: l / m * sum((v**2).sum() for v in w)"}
        ),
        {},
    ),
    "answer: deleted after": Kind(
        cells(answer("l2_penalty"), code("del l2_penalty"), *RIGHT_CELLS[1:]).notebook, {}
    ),
    "answer: prints": Kind(
        submitted(
            {
                "early_stopping": RIGHT["early_stopping"].replace(
                    "    best_epoch = 0", "    print('x' * 10**6)\n    best_epoch = 0"
                )
            }
        ),
        {},
    ),
}
# Right submissions with names that are hard on files, tables and terminals.
NAMES = ["Übung.ipynb", "übung.ipynb", "a\nb.ipynb", "-rf.ipynb", "=1+1.ipynb", "a,b\t\"c'.ipynb"]
NAMES += ["a\x1b[31m.ipynb", "Right.ipynb", "RIGHT.ipynb", f"{'n' * 249}.ipynb", "..ipynb"]
NAMES += ["dir/../x/right.ipynb", os.fsdecode(b"\xff\xfe.ipynb"), "\u202eevil.ipynb", "$(ls).ipynb"]
