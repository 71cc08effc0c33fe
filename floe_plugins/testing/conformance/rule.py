"""A rule of the conformance suite: a sentence of a contract, code that shows it kept, and a check."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import TypeVar

import attrs

from floe_plugins.core.safe_text import describe_error, escape, type_name

C = TypeVar("C")

_MAX_SHOWN = 200


@attrs.frozen
class Rule:
    """What a plugin must do, and code that does it.

    Attributes:
        name: the name of the test, ``test_`` in front.
        wanted: the sentence of the contract.
        example: code of a plugin that keeps the rule.
    """

    name: str
    wanted: str
    example: str


class ContractError(AssertionError):
    """A plugin breaks a rule of its contract.

    >>> error = ContractError("Return a tuple.", "list() returned ['a']", "return tuple(names)", plugin="secrets:acme")
    >>> print(error)
    secrets:acme breaks its contract.
      Wanted: Return a tuple.
      Seen:   list() returned ['a']
      Right:
        return tuple(names)

    Attributes:
        wanted: the sentence of the contract.
        seen: what the plugin did instead, escaped.
        example: code that does what is wanted.
        plugin: the ref or the name of the plugin's class.
        rule: the name of the rule.
    """

    def __init__(self, wanted: str, seen: str, example: str = "", *, plugin: str = "", rule: str = "") -> None:
        super().__init__(wanted, seen)
        self.wanted = wanted
        self.seen = escape(seen)
        self.example = example
        self.plugin = plugin
        self.rule = rule

    def __str__(self) -> str:
        return self._text(f"{escape(self.plugin) or 'the plugin'} breaks its contract.", "Wanted:")

    def _text(self, verdict: str, contract: str) -> str:
        lines = [verdict, f"  {contract:7} {self.wanted}", f"  Seen:   {self.seen}"]
        if self.example:
            lines += ["  Right:", textwrap.indent(self.example, "    ")]
        return "\n".join(lines)


class ConformanceClassError(ContractError):
    """A rule cannot be checked, because of the conformance class and not because of the plugin.

    >>> seen = "TestAcme.outage() raised KeyError: 'port', at tests/test_acme.py:12"
    >>> print(ConformanceClassError("Hooks raise X.", seen, "Return a context.", plugin="TestAcme", rule="test_it"))
    TestAcme cannot check test_it: the conformance class is at fault, not the plugin.
      Rule:   Hooks raise X.
      Seen:   TestAcme.outage() raised KeyError: 'port', at tests/test_acme.py:12
      Right:
        Return a context.

    Attributes:
        wanted: the sentence of the contract, which was not checked.
        seen: what is wrong with the conformance class, escaped.
        example: what its method has to do.
        plugin: the name of the conformance class.
        rule: the name of the rule.
    """

    def __str__(self) -> str:
        verdict = f"{escape(self.plugin)} cannot check {self.rule}: the conformance class is at fault, not the plugin."
        return self._text(verdict, "Rule:")


def rule(example: str) -> Callable[[Callable[[C], None]], Callable[[C], None]]:
    """Turn a method of a ``Case`` into a rule. Its docstring is the sentence, ``example`` shows right code.

    Whatever the method raises becomes a ``ContractError``; one that does not return in time, too.

    >>> from floe_plugins.testing import PluginConformance, rule
    >>> class PageConformance(PluginConformance):
    ...     @rule('return [Page("hello", "# Hello")]')
    ...     def test_pages_have_names(self):
    ...         '''Each page has a name.'''
    ...         with self.started() as plugin:
    ...             self.expect(all(page.name for page in plugin.pages()), "a page has no name")
    >>> rule_of(PageConformance.test_pages_have_names).wanted
    'Each page has a name.'
    """

    def decorate(method: Callable[[C], None]) -> Callable[[C], None]:
        sentence = " ".join((inspect.getdoc(method) or "").partition("\n\n")[0].split())
        facts = Rule(method.__name__, sentence, textwrap.dedent(example).strip())

        @functools.wraps(method)
        def checked(case: C) -> None:
            __tracebackhide__ = True
            perform: Callable[[Rule, Callable[[], None]], None] = getattr(case, "_perform")  # noqa: B009 any Case
            perform(facts, functools.partial(method, case))

        setattr(checked, "floe_rule", facts)  # noqa: B010 a function has no such attribute for type checkers
        return checked

    return decorate


def rule_of(method: object) -> Rule | None:
    """Return the rule that a method of a conformance class checks, or None if it is no rule."""
    found = getattr(method, "floe_rule", None)
    return found if isinstance(found, Rule) else None


def shown(value: object) -> str:
    """Return an object as text for a message: its ``repr`` on one line, and its class where that does not show.

    >>> shown(["a"])
    "['a'] (list)"
    """
    try:
        text = repr(value)
    except BaseException:  # noqa: BLE001 the object is the plugin's own
        text = "an object that cannot be shown"
    text = escape(text)
    text = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
    return text if value is None else f"{text} ({type_name(value)})"


def error_text(error: BaseException) -> str:
    """Return the class and the message of an error on one line."""
    return escape(describe_error(error))
