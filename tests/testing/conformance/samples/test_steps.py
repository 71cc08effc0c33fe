from __future__ import annotations

import os
import pickle

import pytest

from floe_plugins.testing.conformance.samples.steps import Notes, importable


def test_a_step_notes_that_it_ran_and_that_it_ended() -> None:
    notes = Notes()
    step = notes.step("one", ["zero"], fails=1, retries=2)
    assert (step.name, step.needs, step.retries) == ("one", ("zero",), 2)
    with pytest.raises(ValueError, match="attempt 1"):
        step.run()
    assert (notes.ran, notes.ended) == (["one"], [])
    step.run()
    assert (notes.ran, notes.ended) == (["one", "one"], ["one"])
    assert notes.processes == {os.getpid()}


def test_some_steps_can_be_imported_by_name() -> None:
    for step in importable():
        assert pickle.loads(pickle.dumps(step.run)) is step.run  # noqa: S301 made here
        step.run()
