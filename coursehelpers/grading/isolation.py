"""The only module that knows the operating system: how far a submission is kept apart."""

import contextlib
import functools
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import coursehelpers
from coursehelpers.grading.text import plain

# Bytes of address space and of a file, processes, seconds of CPU time; TensorFlow needs half of
# the first, and a right notebook a tenth of the last.
LIMITS = {
    "RLIMIT_AS": 6 * 2**30,
    "RLIMIT_FSIZE": 2**28,
    "RLIMIT_NPROC": 256,
    "RLIMIT_CPU": 1800,
    "RLIMIT_CORE": 0,
}
# Bytes of what can be written, for bubblewrap: folders in memory, gone with the kernel.
ROOM = {"/tmp": 2**26, "/dev/shm": 2**26}
HOME_ROOM = 2**28

ADVICE = (
    "On Debian and Ubuntu: sudo apt install bubblewrap; where that is not enough, as on Ubuntu 24.04, "
    "also sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
)

# Users that Debian and systemd keep for such purposes, inside of what containers map.
USERS = range(61184, 65520)
_turns = itertools.count()


class Isolation(NamedTuple):
    """A way to keep a submission apart.

    Attributes
    ----------
    name : str
        From the best to the least, all with limits on memory, processes, files and time:

        - "bubblewrap": no network, own processes, a read-only system, nothing else to read, and
          an own home of bounded size.
        - "namespaces": no network and own processes, but whatever files the user may read.
        - "own user": another user's files and processes are safe, for a grader that is root.
        - "limits only": no protection against intent.
    """

    name: str

    def command(self, command, home):
        """Return the command that runs another one kept apart, with a home of its own."""
        # Whoever may read every file has to become somebody who may not: the home's owner.
        lowered = _lowered(os.stat(home).st_uid) if os.geteuid() == 0 else _NO_PRIVILEGES
        if self.name == "bubblewrap":
            return [*_bubblewrap(home), *lowered, *command]
        if self.name == "namespaces":
            user = () if os.geteuid() == 0 else ("--user", "--map-current-user")
            return [*("unshare", *user, *_NAMESPACES), *lowered, *command]
        return [*lowered, *command] if self.name == "own user" else list(command)


_NO_PRIVILEGES = ("setpriv", "--no-new-privs", "--")
_NAMESPACES = ("--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--ipc", "--uts", "--")


def _lowered(user):
    return (
        *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"),
    )


def _bubblewrap(home):
    root = os.geteuid() == 0
    return [
        *("bwrap", "--die-with-parent", "--new-session", *(() if root else ("--unshare-user",))),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        "--unshare-cgroup-try",
        *("--proc", "/proc", "--dev", "/dev"),
        *(part for folder, size in ROOM.items() for part in _writable(folder, size)),
        *("--remount-ro", "/dev"),
        *(part for folder in _parents(home) for part in ("--perms", "0755", "--dir", folder)),
        *(part for path in _readable() for part in ("--ro-bind-try", path, path)),
        *(*_writable(home, HOME_ROOM), "--chdir", home, "--remount-ro", "/"),
    ]


def _writable(folder, size):
    return ("--perms", "1777", "--size", str(size), "--tmpfs", str(folder))


def choose(required=False):
    """Return the best isolation that works here.

    Raises
    ------
    SystemExit
        If `required`, and there is less than bubblewrap.
    """
    if not _trouble("bubblewrap"):
        return Isolation("bubblewrap")
    if required:
        raise SystemExit(
            f"--isolation=required needs bubblewrap, which does not work here: "
            f"{_trouble('bubblewrap')}. {ADVICE}"
        )
    others = ("namespaces", "own user") if os.geteuid() == 0 else ("namespaces",)
    return Isolation(next((name for name in others if not _trouble(name)), "limits only"))


@functools.cache
def _trouble(name):
    """Return why a way does not work here, or nothing if it does."""
    if missing := [program for program in _NEEDED[name] if not shutil.which(program)]:
        return f"there is no {' and no '.join(missing)}"
    with tempfile.TemporaryDirectory(prefix="submission-") as home:
        give(home)
        tried = Isolation(name).command([sys.executable, "-I", "-c", _TRIAL, sys.base_prefix], home)
        done = subprocess.run(tried, capture_output=True, cwd=home, errors="replace")
    told = plain(done.stderr.strip().rpartition("\n")[2]) or "this Python cannot be read there"
    return told if done.returncode else ""


# Where it cannot read its own library, Python takes another one that it finds.
_TRIAL = "import sys, coursehelpers; sys.exit(sys.base_prefix != sys.argv[1])"


_NEEDED = {
    "bubblewrap": ("bwrap", "setpriv"),
    "namespaces": ("unshare", "setpriv"),
    "own user": ("setpriv",),
}


def _readable():
    """Return what a kernel has to read: the system, this Python, and the package with its data."""
    package = Path(coursehelpers.__file__).resolve().parents[1]
    paths = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts"]
    # Not the whole prefix: an environment may be set up in the very folder of the course.
    parts = ("bin", "lib", "lib64", "pyvenv.cfg")
    paths += [str(Path(p) / part) for p in {sys.base_prefix, sys.prefix} for part in parts]
    return [*paths, str(package / "coursehelpers"), str(package / "data")]


def _parents(home):
    """Return the folders above what has to be read; bubblewrap would make them for root alone."""
    above = {folder for path in [*_readable(), home] for folder in Path(path).parents}
    return sorted(map(str, above - {Path("/")}))


def environment(home):
    """Return the environment of a kernel: nothing of the grader's own."""
    return {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "PATH": os.defpath,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def give(home):
    """Let a kernel write to its home; for root, give it to a user of its own."""
    if os.geteuid() == 0:
        user = USERS[(101 * os.getpid() + next(_turns)) % len(USERS)]
        os.chown(home, user, user)


def limit():
    """Limit this process for good, from inside: hard limits can only be lowered."""
    import resource

    for name, most in LIMITS.items():
        if name == "RLIMIT_NPROC":  # it counts all threads of the user, whatever they do
            most += _threads()
        now = resource.getrlimit(getattr(resource, name))[1]
        most = most if now == resource.RLIM_INFINITY else min(most, now)
        resource.setrlimit(getattr(resource, name), (most, most))
    with contextlib.suppress(OSError):  # where memory runs out all the same, this ends first
        Path("/proc/self/oom_score_adj").write_text("1000")


def _threads():
    count = 0
    for process in _processes(os.geteuid()):
        with contextlib.suppress(OSError):
            count += len(os.listdir(process / "task"))
    return count


def _processes(user):
    """Yield the processes of a user, as folders of /proc; none where there is no such folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid == user:
                yield process


def end(process, home, owner, seconds=5.0):
    """End a kernel and what it has started.

    Parameters
    ----------
    process : subprocess.Popen
        Started in a session of its own by `Isolation.command`.
    home : path-like
    owner : int
        Whose processes are the kernel's: the user that the home was given to.
    seconds : float, default 5
        How long to look for more.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    # Namespaces end with their first process. Elsewhere a process may have left the session.
    deadline = time.monotonic() + seconds
    while (left := _left(home, owner)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _left(home, owner):
    """Return the processes that are left of a kernel: those of its user, or with its home."""
    user = os.geteuid()
    known = b"\0HOME=" + os.fsencode(home) + b"\0"
    own = [process for process in _processes(user) if known in _environment(process)]
    found = own + list(_processes(owner)) * (owner != user)
    return [int(process.name) for process in found if not _is_dead(process)]


def _is_dead(process):
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):
        return True


def _environment(process):
    try:
        return b"\0" + (process / "environ").read_bytes()
    except OSError:
        return b""
