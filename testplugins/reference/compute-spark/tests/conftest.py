"""Spark Connect servers on this machine: one for all tests, and others that tests may end."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from floe_reference_compute_spark import SparkCompute

from floe_plugins import PluginRegistry


class Sail:
    """A Spark Connect server in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "pysail", "spark", "server", "--port", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        assert self.process.stderr is not None
        for line in self.process.stderr:
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found and found[1] != "0":
                self.remote = f"sc://127.0.0.1:{found[1]}"
                break
        else:
            raise AssertionError("the server has ended")
        # Its log must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)
        self.process.stderr.close()

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()
        self.drain.wait()


@pytest.fixture(scope="session")
def server() -> Iterator[Sail]:
    """The server of all tests that do not end theirs."""
    sail = Sail()
    yield sail
    sail.kill()


@pytest.fixture
def mortal() -> Iterator[Sail]:
    """A server that a test may end."""
    sail = Sail()
    yield sail
    sail.kill()


@pytest.fixture
def connected() -> Iterator[Callable[..., SparkCompute]]:
    """Makes a started plugin, given its configuration."""
    registries = []

    def make(remote: str, **config: object) -> SparkCompute:
        config = {"plugins": {"compute": {"spark": {"remote": remote, **config}}}}
        registry = PluginRegistry(config, autoload="none", environ={}, timeouts={"startup": 60})
        registries.append(registry)
        registry.register(SparkCompute)
        registry.startup().raise_for_failures()
        plugin: SparkCompute = registry.get(SparkCompute, "spark")
        return plugin

    yield make
    for registry in registries:
        assert registry.shutdown().ok


@pytest.fixture
def compute(connected: Callable[..., SparkCompute], server: Sail) -> SparkCompute:
    """A plugin on the server of all tests."""
    return connected(server.remote)
