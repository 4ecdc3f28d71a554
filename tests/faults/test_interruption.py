"""One signal ends a run once, wherever it arrives: in a finalizer, in a library's callback, while something is held."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAD = """
import os, signal, sys, time
from egressaudit.signals import SIGNALS, Interruption

def send(number):
    os.kill(os.getpid(), number)

SIGNALS.listen()
"""
CALLBACK = """
import duckdb

def fate(value: int) -> int:
    send(signal.SIGHUP)
    time.sleep(0.2)
    return value

from egressaudit.cli import failures
connection = duckdb.connect()
connection.create_function("fate", fate)
SIGNALS.release()
try:
    connection.execute("select fate(i::bigint) from range(3) rows(i)").fetchall()
except BaseException as error:
    print(failures.failure_of(error).exit_code)
"""
FINALIZER = """
class Held:
    def __del__(self):
        send(signal.SIGTERM)
        time.sleep(0.2)

SIGNALS.release()
try:
    held = Held()
    del held
    time.sleep(5)
except Interruption as error:
    print(error.number)
"""
EARLY = """
send(signal.SIGINT)
print("still here")
try:
    SIGNALS.release()
except Interruption as error:
    print(error.number)
"""
CLEANING = """
SIGNALS.release()
try:
    with SIGNALS.held():
        send(signal.SIGINT)
        send(signal.SIGTERM)
        print("cleaned")
except Interruption as error:
    print(error.number)
send(signal.SIGTERM)
print("not again")
"""
DECIDED = """
SIGNALS.release()
SIGNALS.ignore()
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    send(number)
print("decided")
"""
SWALLOWED = """
import egressaudit.signals
egressaudit.signals._PATIENCE = 0.0
SIGNALS.release()
for number in (signal.SIGINT, signal.SIGTERM):
    try:
        send(number)
        time.sleep(5)
    except Interruption as error:
        print(error.number)
"""
LOST = """
SIGNALS.release()
try:
    send(signal.SIGQUIT)
    time.sleep(5)
except BaseException:
    print("lost")
try:
    SIGNALS.release()
except Interruption as error:
    print(error.number)
"""


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        (CALLBACK, "129"),
        (FINALIZER, "15"),
        (EARLY, "still here 2"),
        (CLEANING, "cleaned 2 not again"),
        (DECIDED, "decided"),
        # A library that swallows the first one does not make the run immortal: its number is what counts.
        (SWALLOWED, "2 2"),
        (LOST, "lost 3"),
    ],
    ids=[
        "callback of a library",
        "finalizer",
        "before the run",
        "while cleaning up",
        "after the end",
        "swallowed",
        "lost",
    ],
)
def test_a_signal_ends_a_run_once(script: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + script], check=False, capture_output=True, text=True, timeout=30
    )
    assert (done.stdout.split(), done.stderr) == (printed.split(), "")
