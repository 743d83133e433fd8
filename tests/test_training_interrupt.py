"""Ctrl-C during a comparison in a real kernel: what is complete is kept, and claims refuse it."""

import re

from jupyter_client.manager import start_new_kernel

SETUP = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import numpy as np
from coursehelpers.claims import claim
from coursehelpers.models import build_mlp
from coursehelpers.training import Setting, compare

parts = (np.random.default_rng(0).random((500, 28, 28)), np.arange(500) % 10)
settings = {
    "short": Setting(lambda: build_mlp((8,)), epochs=2),
    "shorter": Setting(lambda: build_mlp(()), epochs=1),
    "endless": Setting(lambda: build_mlp((8,)), epochs=10**6),
}
"""
AFTER = """
print(comparison.partial, comparison.final("epochs", "model")[["setting", "seed", "value"]].values.tolist())
try:
    row = {"estimate": 1, "low": 0, "high": 2, "n": 2, "partial": comparison.partial}
    claim("A.", "B", row, above=0)
except ValueError as error:
    print(error)
"""


def test_interrupt_keeps_the_complete_runs_of_a_real_kernel():
    manager, client = start_new_kernel()
    bars, streams, interrupted = [], [], []

    def note(message):
        content = message["content"]
        bars.append(content.get("data", {}).get("text/plain", ""))
        if message["msg_type"] == "stream":
            streams.append(content["text"])
        # The bar shows that the endless setting is being trained: the moment for Ctrl-C.
        if re.search(r"endless, seed 0.*[1-9]\d*/", bars[-1]) and not interrupted:
            interrupted.append(True)
            manager.interrupt_kernel()

    try:
        client.execute_interactive(SETUP, timeout=120, output_hook=lambda message: None)
        training = "comparison = compare(settings, (parts, None, parts), seeds=[0, 1], epochs=1)"
        reply = client.execute_interactive(training, timeout=120, output_hook=note)
        client.execute_interactive(AFTER, timeout=60, output_hook=note)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok"
    printed = "".join(streams)
    assert "Interrupted: 2 of 6 runs are complete." in printed
    assert "True [['short', 0, 2.0], ['shorter', 0, 1.0]]" in printed
    assert "The comparison was interrupted" in printed
    # How long is left stood beside it.
    assert any(re.search(r"\[\d+:\d+<.*\]", bar) for bar in bars)
