"""Judge a mutant by its exercise's check, in a process of its own."""

import multiprocessing
import os

from coursehelpers.checks.answers import LocalAnswer
from coursehelpers.checks.core import judge

SEEDS = (0, 1)
SECONDS = 2  # for a mutant, unless its check is about models
MODELS = 20  # the limit from which on a check is about models; it applies to their mutants too
PATIENCE = 30  # seconds beyond the limits, such as for the models that a check builds


def verdict(exercise, source, patience=PATIENCE):
    """Return the first verdict of the check that is not "passed", if any.

    Each mutant is judged in a process of its own, because one that fails or runs out of time may
    leave Keras in a state that spoils the next. It is forked off one that has imported Keras.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.quiet_keras", "tests.answers", __name__])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_judge, args=(exercise, source, sender))
    process.start()
    sender.close()
    try:
        if receiver.poll(len(SEEDS) * _limit(exercise) + patience):
            return receiver.recv()
        return "timed out"
    except EOFError:
        return "crashed"
    finally:
        process.kill()
        process.join()


def _judge(exercise, source, sender):
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    import keras

    keras.utils.set_random_seed(0)
    sender.send(_status(exercise, source))


def _status(exercise, source):
    namespace = {}
    try:
        exec(compile(source, "<mutant>", "exec"), namespace)
    except Exception:
        return "error"
    for seed in SEEDS:
        answer = LocalAnswer(namespace[exercise.id], _limit(exercise))
        try:
            outcome = judge(exercise, lambda seconds, answer=answer: answer, seed=(seed,))
        except Exception as error:
            return f"broken ({type(error).__name__}: {error})"
        if outcome.status != "passed":
            return f"{outcome.status}: {outcome.messages[0]}"
    return "passed"


def _limit(exercise):
    return exercise.seconds if exercise.seconds >= MODELS else min(exercise.seconds, SECONDS)
