"""The kernel's side: runs cells and answers questions about what they have defined.

Started by the grader as a process of its own (`python -m coursehelpers.grading.serve`), in a
sandbox where there is one. It holds nothing worth stealing: no expected value, no seed, no check
but the public ones; and nothing it does can do more than give an answer.
"""

import os

from coursehelpers.checks.answers import AnswerError, AnswerTimedOut, LocalAnswer, NotAttempted
from coursehelpers.checks.values import decode, encode
from coursehelpers.grading import isolation
from coursehelpers.grading.protocol import Channel

VERBS = ("call", "predict", "config", "weights", "penalties", "train_step")


class Registered:
    """What `check` returns in a graded notebook: the verdict is reached elsewhere."""

    earned = possible = 0
    status = "registered"

    def __repr__(self):
        return "registered; the verdict comes with the grade"


def main():
    isolation.limit()
    channel = _take_channel()
    shell = _start_shell()
    answers: dict[str, LocalAnswer] = {}
    while True:
        request, body = channel.receive()
        header, reply = {}, b""
        if request["verb"] == "run":
            header = _run(shell, body.decode())
        elif request["verb"] == "begin":
            header = _begin(answers, shell, request)
        else:
            header, reply = _answer(answers[request["exercise"]], request, decode(body))
        channel.send({**header, "nonce": request["nonce"]}, reply)


def _take_channel():
    """Move the pipes away from where programs print to and read from."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what is printed goes to the grader's bounded log
    return Channel(incoming, outgoing)


def _start_shell():
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from coursehelpers import checks

    # The checks are the grader's business; here a call says only that there is an answer.
    for verb in ("check", "hint", "solution", "score", "quiz"):
        setattr(checks, verb, lambda *args, **kwargs: Registered())
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    return InteractiveShell.instance(config=config)


def _run(shell, source):
    result = shell.run_cell(source, store_history=False, silent=False)
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return {"status": "ok"}
    try:
        text = f"{type(error).__name__}: {error}"
    except BaseException:  # an exception may fail to print itself
        text = type(error).__name__
    return {"status": "error", "text": text[:500]}


def _begin(answers, shell, request):
    name = request["exercise"]
    if name not in shell.user_ns:
        return {"status": "not attempted", "text": f"The notebook defines no {name}."}
    try:
        answers[name] = LocalAnswer(shell.user_ns[name], request["seconds"])
    except NotAttempted as error:
        return {"status": "not attempted", "text": str(error)}
    return {"status": "ok"}


def _answer(answer, request, given):
    try:
        verb = getattr(answer, VERBS[VERBS.index(request["verb"])])
        value = verb(*given["args"], **given["kwargs"])
        return {"status": "ok"}, encode(value)
    except AnswerTimedOut as error:
        status, text = "timed out", str(error)
    except NotAttempted as error:
        status, text = "not attempted", str(error)
    except AnswerError as error:
        status, text = "error", str(error)
    return {"status": status, "text": text[:2000]}, b""


if __name__ == "__main__":
    main()
