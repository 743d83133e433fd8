"""The only module that knows bytes: frames between the grader and the kernel it asks.

A frame is its length, a line of JSON and a body. The grader sends a request with a nonce, and the
kernel sends one reply with the same nonce; anything else in the channel ends the kernel. What the
kernel sends is read as an encoding of plain values (`checks.values`) and as text, nothing else.
"""

import json
import os
import select
import struct
import time

from coursehelpers.checks.values import MAX_BYTES

HEAD = struct.Struct("!I")
MAX_HEADER = 4096
MAX_FRAME = MAX_BYTES + MAX_HEADER
# What a reply may be besides a value, with a text for the student.
TROUBLES = ("error", "not attempted", "timed out")


class ProtocolError(Exception):
    """The other side broke the rules, or is gone; nothing more can be asked of it."""


class ReplyTimeout(ProtocolError):
    """No reply came in time."""


class Channel:
    """One side of a pair of pipes.

    Parameters
    ----------
    incoming, outgoing : int
        File descriptors to read from and to write to.
    """

    def __init__(self, incoming, outgoing):
        self.incoming = incoming
        self.outgoing = outgoing

    def send(self, header, body=b"", seconds=None):
        """Send a frame; with a time limit, as the other side may read nothing."""
        line = json.dumps(header).encode() + b"\n"
        data = memoryview(HEAD.pack(len(line) + len(body)) + line + body)
        end = None if seconds is None else time.monotonic() + seconds
        while data:
            self._wait(end, writing=True)
            try:
                data = data[os.write(self.outgoing, data[:65536]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ProtocolError("it is gone") from error

    def receive(self, seconds=None):
        """Return the header and the body of the next frame; the grader always gives a limit."""
        end = None if seconds is None else time.monotonic() + seconds
        (size,) = HEAD.unpack(self._read(HEAD.size, end))
        if size > MAX_FRAME:
            raise ProtocolError(f"it sent a frame of {size:,} bytes, more than {MAX_FRAME:,}")
        line, found, body = self._read(size, end).partition(b"\n")
        if not found or len(line) > MAX_HEADER:
            raise ProtocolError("it sent a frame without a header")
        try:
            header = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ProtocolError("it sent a header that is not JSON") from error
        if not isinstance(header, dict):
            raise ProtocolError("it sent a header that is no object")
        return header, body

    def pending(self):
        """Return whether something has come that nobody has asked for."""
        return self._ready(writing=False, seconds=0)

    def _read(self, size, end):
        # One buffer: a frame that comes byte by byte takes no more memory than another.
        read = bytearray()
        while len(read) < size:
            self._wait(end)
            try:
                part = os.read(self.incoming, min(size - len(read), 65536))
            except OSError as error:
                raise ProtocolError("it is gone") from error
            if not part:
                raise ProtocolError("it is gone")
            read += part
        return bytes(read)

    def _wait(self, end, writing=False):
        if end is None:
            return
        ready = self._ready(writing, max(end - time.monotonic(), 0))
        if not ready or time.monotonic() > end:
            raise ReplyTimeout("it did not reply in time")

    def _ready(self, writing, seconds):
        waiting = select.poll()  # other than `select`, it takes any number of a descriptor
        waiting.register(
            *((self.outgoing, select.POLLOUT) if writing else (self.incoming, select.POLLIN))
        )
        return bool(waiting.poll(seconds * 1000))
