"""The host's end of the channel."""

from __future__ import annotations

import os
import threading

from support import SOON

from floe_plugins.cli.host.channel import Channel
from floe_plugins.cli.protocol import MessageReader, encode


def opened(receive: object = None) -> tuple[Channel, MessageReader, int, threading.Event]:
    ours, events = os.pipe()
    requests, theirs = os.pipe()
    closed = threading.Event()
    channel = Channel(events, requests)
    channel.open(receive or (lambda _: None), closed.set)  # type: ignore[arg-type]
    return channel, MessageReader(ours), theirs, closed


def test_it_greets_and_then_sends_heartbeats() -> None:
    _, reader, theirs, _ = opened()
    found: list[str] = []
    while "beat" not in found:
        found += [each["event"] for each in reader.read()]
    assert found[0] == "hello"
    os.close(theirs)


def test_a_request_is_handed_over_although_an_earlier_one_blocks() -> None:
    received, release = threading.Semaphore(0), threading.Event()

    def receive(_message: object) -> None:
        received.release()
        release.wait(SOON)

    _, _, theirs, _ = opened(receive)
    os.write(theirs, encode({"event": "health"}) + encode({"event": "stop"}))
    assert received.acquire(timeout=SOON)
    assert received.acquire(timeout=SOON)
    release.set()
    os.close(theirs)


def test_the_end_of_the_supervisor_is_noticed() -> None:
    _, _, theirs, closed = opened()
    os.close(theirs)
    assert closed.wait(SOON)


def test_without_a_reader_events_are_lost_and_nothing_raises() -> None:
    ours, events = os.pipe()
    os.close(ours)
    Channel(events, events).send("log", message="nobody hears")


def test_a_forked_child_says_nothing() -> None:
    ours, events = os.pipe()
    channel = Channel(events, events)
    pid = os.fork()
    if pid == 0:
        channel.send("log", message="not mine to say")
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(events)
    assert os.read(ours, 100) == b""
