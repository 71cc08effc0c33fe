"""Changes that break no promise, each with the reason: what nobody can notice need not be noticed.

A change that breaks a promise is not listed here, however hard it is to notice. Better than an entry is code that
cannot be changed so: a survivor often shows what nothing needs.
"""

from __future__ import annotations

from typing import NamedTuple

from mutants import Mutant


class Harmless(NamedTuple):
    """Changes of one line, and why they break no promise.

    Attributes:
        module: the module.
        code: what stands in the line, and in the one before where that tells which it is, as ``ast.unparse`` writes it.
        changed: what stands there instead; "" for anything.
        reason: why nobody can notice it.
    """

    module: str
    code: str
    changed: str
    reason: str


_SPEED = "speed alone"
_NUMBER = "no promise names the number"
_RACE = "a copy that only a race needs"
_MOMENT = "only at the very moment at which two times are equal"
_SAFEGUARD = "what comes next does the same"
_UNREAD = "nothing asks for it any more"
_DRAWN = "where exactly something is drawn"
_READER = "both are only iterated or looked into"

_MATCHER = "configuration/redaction/matcher"
_SHAPE = "configuration/schema/shape"
_BOUNDARY = "execution/boundary"
_PROFILE = "reporting/startup_profile"

HARMLESS = (
    Harmless(
        "configuration/redaction/sources",
        "Layers.from_settings(settings, type(model))",
        "Layers.from_settings(settings, model)",
        "a model has what its class has",
    ),
    Harmless(
        "configuration/redaction/patterns", "glpat- xox pypi-", "_Form('ghp_", "speed alone: more texts are searched"
    ),
    Harmless("loading/plugin_manager", "list(self._name2plugin.items())", "in self._name2plugin.items()", _RACE),
    Harmless("execution/executor", "each[1].due <= now", "each[1].due < now", _MOMENT),
    Harmless(_BOUNDARY, "compact=True", "compact=False", "speed alone: what is not shown is read, too"),
    Harmless(
        "lifecycle/prepare", "self._parts.workers == 1", "self._parts.workers == 2", "speed alone: one thread fewer"
    ),
    Harmless(_SHAPE, "id(self._unwrapped(node))", "(id(node)", "speed alone: fewer shapes are shared"),
    Harmless("discovery/metadata_files", "_CHUNK = 1 << 14", "", _SPEED),
    Harmless("lifecycle/health", "self.age < self.timeout + 1", "self.age <= self.timeout + 1", _MOMENT),
    Harmless(_MATCHER, "(len(text) + 1, 0)", "(len(text) + 2, 0)", "any place behind the text ends the last mask"),
    Harmless("discovery/entry_points_txt", "MAX_CATEGORIES = 100", "", _NUMBER),
    Harmless(_BOUNDARY, "self._left <= 0", "self._left < 0", _NUMBER),
    Harmless("execution/background_errors", "_REPORT_TIMEOUT = 0.5", "", _NUMBER),
    Harmless(_PROFILE, "_LEFT, _WIDTH, _ROW, _TOP =", "", _DRAWN),
    Harmless(_MATCHER, "_FEW = 8", "_FEW = 9", _SPEED),
    Harmless(_MATCHER, "return range(len(text) - RUN + 1)", "range(len(text) + RUN + 1)", _SPEED),
    Harmless(_MATCHER, "return range(len(text) - RUN + 1)", "range(len(text) - RUN + 2)", _SPEED),
    Harmless(_MATCHER, "self._blocks.intersection(numbers)", "found = numbers", _SPEED),
    Harmless(_MATCHER, "len(found) > _FEW", "len(found) >= _FEW", _SPEED),
    Harmless("configuration/redaction/names", "text[:200]", "text[:201]", _NUMBER),
    Harmless("configuration/redaction/redactor", "not self.matcher.finds(text)", "if not text", _SPEED),
    Harmless("configuration/redaction/redactor", "< MIN_LENGTH", "<= MIN_LENGTH", _SAFEGUARD),
    Harmless(_SHAPE, "_MAX_NODES = 2000", "_MAX_NODES = 2001", _NUMBER),
    Harmless("dependencies/resolver", "<= _MAX_SUGGESTIONS", "< _MAX_SUGGESTIONS", _NUMBER),
    Harmless(
        "discovery/findings",
        "with_hints=False",
        "with_hints=True",
        "speed alone: hints are looked for once all groups are known",
    ),
    Harmless(
        _SHAPE, "if is_table(function) else", "if function else", "what pydantic gives there is a table or nothing"
    ),
    Harmless("discovery/scanner", "!= '-info':\ncontinue", "pass", _SPEED),
    Harmless(_BOUNDARY, "MAX_NAMED = 400000", "MAX_NAMED = 400001", _NUMBER),
    Harmless(_BOUNDARY, "if left <= 0:", "if left < 0:", "one more piece of no length"),
    Harmless(_BOUNDARY, "count = 0", "count = 1", _NUMBER),
    Harmless(_BOUNDARY, "if left < 0 or any", "if left <= 0 or any", _NUMBER),
    Harmless(_BOUNDARY, "if left < 0 or any", "if left < 1 or any", _NUMBER),
    Harmless(_BOUNDARY, "lookup_lines=False", "lookup_lines=True", _SPEED),
    Harmless("execution/executor", "if left <= 0 else", "if left < 0 else", _MOMENT),
    Harmless("execution/frames", "len(seen) > MAX_FRAMES", "len(seen) >= MAX_FRAMES", _NUMBER),
    Harmless(
        "execution/shield",
        "if interrupted.done():\ncall.fail(InterruptedRequestError())",
        "InterruptedRequestError()",
        _UNREAD,
    ),
    Harmless("execution/shield", "if interrupted.done():\ncall.fail(InterruptedRequestError())", "pass", _UNREAD),
    Harmless("execution/threads", "_INTERVAL = 0.05", "_INTERVAL = 1.05", "only how soon a death is told"),
    Harmless(
        "lifecycle/attempts", "min(self.number - 1, 10)", "min(self.number - 1, 11)", "the limit is reached before"
    ),
    Harmless("lifecycle/health", "MappingProxyType({})", "]={}", _READER),
    Harmless("lifecycle/transitions", "self._keep(self.outcome(", "completed(self.outcome(", _UNREAD),
    Harmless("lifecycle/parts", "_DEFAULTS = frozenset(", "_DEFAULTS = {", _READER),
    Harmless(_PROFILE, "(220, 900, 20, 40)", "(220, 901, 20, 40)", _DRAWN),
    Harmless(_PROFILE, "yield f'<line ", "", _DRAWN),
    Harmless(_PROFILE, "_LEFT - 8", "_LEFT - 9", _DRAWN),
    Harmless(_PROFILE, "y + 13", "y + 14", _DRAWN),
    Harmless(_PROFILE, "y + 13", "y - 13", _DRAWN),
    Harmless(_PROFILE, "_LEFT + _WIDTH + 80", "_LEFT + _WIDTH + 81", _DRAWN),
    Harmless(_PROFILE, "_ROW * len(rows) + 20", "_ROW * len(rows) + 21", _DRAWN),
)


def why_harmless(mutant: Mutant) -> str:
    """Return why a change breaks no promise, "" if it may break one."""
    before, after = ([line.strip() for line in text.splitlines()] for text in (mutant.before, mutant.text))
    place = next(place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1])
    code, changed = "\n".join(before[max(place - 1, 0) : place + 1]), after[place]
    for each in HARMLESS:
        is_there = each.module == mutant.module and each.code in code and each.code not in before[place - 1]
        is_part = not each.changed or (each.changed in changed and each.changed not in before[place])
        if is_there and (is_part or each.changed == changed):
            return each.reason
    return ""


def gone(module: str, text: str) -> list[str]:
    """Return the code of those entries that stands in the module no more, whose text ``ast.unparse`` has written."""
    lines = "\n".join(line.strip() for line in text.splitlines())
    return [each.code for each in HARMLESS if each.module == module and each.code not in lines]
