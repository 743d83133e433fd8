"""How far a program is kept apart, by each way that works here: what it finds when it looks."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from coursehelpers.grading import isolation, kernel
from coursehelpers.grading.isolation import Isolation
from coursehelpers.grading.kernel import Kernel

pytestmark = pytest.mark.heavy

WAYS = ("bubblewrap", "namespaces", "own user", "limits only")

OTHER = isolation.USERS[-1] + 1  # a user of the machine, if the grader may be anybody

LOOK = """
import json, os, resource, socket, sys
from coursehelpers.grading import isolation

isolation.limit()
port, foreign, home = sys.argv[1:]

def tried(action):
    try:
        action()
        return True
    except OSError:
        return False

def fill(folder, megabytes):
    for number in range(megabytes // 10):
        with open(f"{folder}/filling-{number}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 10 * 2**20)

folders = {"home": home, "shm": "/dev/shm", "tmp": "/tmp"}
print(json.dumps({
    "connects": tried(lambda: socket.create_connection(("127.0.0.1", int(port)), 2)),
    "reads": tried(lambda: open(foreign)),
    "writes": tried(lambda: open(foreign, "a")),
    "signals": tried(lambda: os.kill(int(os.environ["GRADER"]), 0)),
    "user": os.getuid(),
    "privileges": open("/proc/self/status").read().partition("CapEff:")[2].split()[0],
    "own home": tried(lambda: open("mine", "w")) and os.getcwd() == home,
    "fills": [n for n in folders if home.startswith("/tmp") and tried(lambda: fill(folders[n], 400))],
    "system": [f for f in ("/usr", "/dev", "/etc", "/") if tried(lambda: open(f"{f}/mine", "w"))],
    "limits": {n: resource.getrlimit(getattr(resource, n))[1] for n in isolation.LIMITS},
}))
"""


@pytest.fixture(scope="module")
def others():
    """A listening socket and a file that everybody may write to."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        tempfile.TemporaryDirectory() as folder,
    ):
        os.chmod(folder, 0o777)
        foreign = Path(folder, "foreign")
        foreign.write_text("")
        foreign.chmod(0o600)
        yield listener.getsockname()[1], foreign


@pytest.fixture(scope="module", params=WAYS)
def way(request):
    """Each way to keep apart that works here."""
    if request.param != "limits only" and isolation._trouble(request.param):
        pytest.skip(f"{request.param} does not work here")
    if request.param == "own user" and os.geteuid():
        pytest.skip("only root can become another user")
    return Isolation(request.param)


@pytest.fixture(scope="module")
def seen(way, others):
    """What a program sees that is kept apart in a way."""
    port, foreign = others
    with tempfile.TemporaryDirectory(prefix="submission-") as home:
        isolation.give(home)
        command = [sys.executable, "-I", "-c", LOOK, str(port), str(foreign), home]
        if way.name != "bubblewrap":  # only there is anything to be filled safely
            command[3] = LOOK.replace('"fills": [', '"fills": [] and [')
            command[3] = command[3].replace('("/usr", "/dev", "/etc", "/")', "()")
        done = subprocess.run(
            way.command(command, home),
            cwd=home,
            env=isolation.environment(home) | {"GRADER": str(os.getpid())},
            capture_output=True,
            text=True,
        )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_best_way_is_chosen():
    assert isolation.choose().name == next(w for w in WAYS if w == "limits only" or works(w))


def works(name):
    return (name != "own user" or not os.geteuid()) and not isolation._trouble(name)


def test_less_than_required_is_refused(monkeypatch):
    monkeypatch.setattr(isolation, "_trouble", lambda name: "bwrap: no permission")
    assert isolation.choose().name == "limits only"
    with pytest.raises(SystemExit, match=r"no permission\..*apt install bubblewrap"):
        isolation.choose(required=True)


def test_network_is_out_of_reach(way, seen):
    assert seen["connects"] == (way.name in ("own user", "limits only"))


def test_processes_are_out_of_reach(way, seen):
    assert seen["signals"] == (way.name == "limits only")


def test_files_are_out_of_reach(way, seen):
    safe = way.name == "bubblewrap" or (os.geteuid() == 0 and way.name != "limits only")
    assert seen["reads"] == seen["writes"] == (not safe)


def test_user_has_no_privileges(way, seen):
    assert seen["own home"]
    if way.name != "limits only":
        assert seen["user"]
        assert int(seen["privileges"], 16) == 0


def test_what_can_be_written_is_bounded(way, seen):
    if way.name != "bubblewrap":
        pytest.skip("only bubblewrap bounds it")
    assert not seen["fills"]
    assert not seen["system"]


def test_limits_are_set(seen):
    limits = dict(seen["limits"])
    processes = limits.pop("RLIMIT_NPROC")
    assert limits == {n: most for n, most in isolation.LIMITS.items() if n in limits}
    assert isolation.LIMITS["RLIMIT_NPROC"] < processes < isolation.LIMITS["RLIMIT_NPROC"] + 5_000


def test_each_kernel_of_root_has_a_user_of_its_own(tmp_path):
    if os.geteuid():
        pytest.skip("only root can give files away")
    homes = [tmp_path / str(number) for number in range(20)]
    for home in homes:
        home.mkdir()
        isolation.give(home)
    users = {home.stat().st_uid for home in homes}
    assert len(users) == 20
    assert users <= set(isolation.USERS)


def test_nothing_is_left_of_a_kernel(way):
    started = Kernel(way)
    home = started._home.name
    daemon = "import os, time; os.setsid(); os.fork(); os.fork(); print(flush=True); time.sleep(60)"
    source = f"import subprocess, sys\nP = subprocess.Popen([sys.executable, '-c', {daemon!r}], stdout=-1)\nP.stdout.read(2)"
    assert started.run(source, 30) is None
    before = running(home)
    started.stop()
    assert len(before) > 3
    assert not running(home)
    assert not os.path.exists(home)


@pytest.mark.parametrize("how", ["removed", "a link"])
def test_home_that_is_no_more_keeps_nothing_alive_and_ends_nobody_else(way, how):
    with subprocess.Popen(["sleep", "60"], user=OTHER if os.geteuid() == 0 else None) as bystander:
        started = Kernel(way)
        home = started._home.name
        source = f"import os, shutil\nos.chdir('/')\nshutil.rmtree({home!r}, True)\n"
        if how == "a link":
            source += f"try: os.symlink('/proc/{bystander.pid}', {home!r})\nexcept OSError: pass\n"
        started.run(source, 30)
        started.run(
            "import subprocess\nP = subprocess.Popen(['sleep', '60'], start_new_session=True)", 9
        )
        before = running(home)
        started.stop()
        assert before
        assert not running(home)
        assert bystander.poll() is None
        bystander.kill()
    if os.path.islink(home):
        os.unlink(home)


def running(home):
    """Return the processes that were told of a home, and run."""
    known = f"HOME={home}".encode()
    return [
        process
        for process in Path("/proc").glob("[0-9]*")
        if known in isolation._environment(process) and not isolation._is_dead(process)
    ]


def test_a_kernel_ends_when_its_time_is_over():
    started = Kernel(isolation.choose(), seconds=4)
    try:
        start = time.monotonic()
        with pytest.raises(kernel.KernelDied, match="took too long, all cells together"):
            started.run("while True: pass", 60)
        assert time.monotonic() - start < 30
        with pytest.raises(kernel.KernelDied):
            started.run("1", 60)
    finally:
        started.stop()


def test_a_frame_that_comes_byte_by_byte_is_read_in_time():
    from coursehelpers.grading.protocol import Channel, ReplyTimeout

    incoming, outgoing = os.pipe()
    stop = threading.Event()

    def drip():
        os.write(outgoing, b"\0\xff\xff\xff")
        while not stop.wait(0.01):
            os.write(outgoing, b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(ReplyTimeout):
            Channel(incoming, None).receive(0.3)
    finally:
        stop.set()
        thread.join()
        os.close(incoming)
        os.close(outgoing)
