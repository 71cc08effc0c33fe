"""A platform: its name, categories, files and variables, which messages take from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from floe_plugins._version import FLOE_API_VERSION
from floe_plugins.core.categories import Categories, Category
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.refs import FLOE_CATEGORIES, PluginRef, example_ref

if TYPE_CHECKING:
    import pluggy
else:
    pluggy = LazyModule("pluggy")

_SUFFIXES = ("toml", "yaml", "yml", "json")


class Platform:
    """A host whose plugins the registry and the command line find, check and run. Cannot be changed.

    >>> from floe_plugins import Category, Platform
    >>> site = Platform("site", "1.0", [Category("page", "site.pages", "site_host.api:PagePlugin")])
    >>> site.variable("AUTOLOAD"), site.file_names[0], site.command
    ('SITE_AUTOLOAD', 'site.toml', 'site')

    Attributes:
        name: the name of its pluggy project, and the beginning of its entry-point groups.
        api_version: the version of its plugin API. A plugin says in the attribute ``NAME_api_version`` for which one
            it was written.
        categories: the table of its categories.
        prefix: what its environment variables begin with, as in ``SITE_AUTOLOAD`` and ``SITE__PAGE__BLOG__TITLE``.
        file_names: the names of its configuration file, one per format.
        command: the name of its command line.
        title: what help and pages call it.
    """

    __slots__ = ("api_version", "categories", "command", "file_names", "name", "prefix", "title")

    name: str
    api_version: str
    categories: Categories
    prefix: str
    file_names: tuple[str, ...]
    command: str
    title: str

    def __init__(  # noqa: PLR0913 all but the first three are keyword-only
        self,
        name: str,
        api_version: str,
        categories: Iterable[Category],
        *,
        prefix: str | None = None,
        file_names: Sequence[str] | None = None,
        command: str | None = None,
        title: str | None = None,
    ) -> None:
        """Make a platform; what is not given follows from its name.

        Raises:
            ValueError: the name or the prefix is no identifier, the API version no version, or two categories have one
                slug, group or class.
            TypeError: one of them is not of its type.
        """
        for what, text in (("name", name), ("API version", api_version)):
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] hosts may have no types
                raise TypeError(f"the {what} of a platform is a text, and not {text!r}")
        if not api_version[:1].isdigit():
            raise ValueError(f"{api_version!r} cannot be the API version of a platform: expected MAJOR.MINOR")
        if not name.isidentifier() or not name.isascii() or name != name.lower() or name[0] == "_" or "__" in name:
            expected = "an identifier of lower-case letters, digits and single '_', such as 'site'"
            raise ValueError(f"{name!r} cannot be the name of a platform: expected {expected}")
        prefix = name.upper() if prefix is None else prefix
        if not prefix.isidentifier() or prefix != prefix.upper() or "__" in prefix or prefix[-1] == "_":
            expected = "upper-case letters, digits and single '_', such as 'SITE'"
            raise ValueError(f"{prefix!r} cannot be the prefix of environment variables: expected {expected}")
        if not isinstance(categories, Categories):
            categories = Categories(each.on(name) for each in _checked(categories))
        declares = f"{name}.categories"
        if declares in categories.by_group:
            raise ValueError(f"the group {declares} is where distributions add categories: give plugins another one")
        for attribute, value in (
            ("name", name),
            ("api_version", api_version),
            ("categories", categories),
            ("prefix", prefix),
            ("file_names", tuple(file_names or (f"{name}.{suffix}" for suffix in _SUFFIXES))),
            ("command", command or name),
            ("title", title or name),
        ):
            object.__setattr__(self, attribute, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Platform cannot be changed; make another one with another {name}")

    def __repr__(self) -> str:
        return f"<Platform {self.name} {self.api_version} with {len(self.categories)} categories>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.to_dict(),)

    def variable(self, word: str) -> str:
        """Return the name of an environment variable of the platform, such as ``SITE_AUTOLOAD``.

        >>> from floe_plugins import FLOE
        >>> FLOE.variable("DISABLE")
        'FLOE_PLUGINS_DISABLE'
        """
        return f"{self.prefix}_{word}"

    @property
    def hookspec(self) -> pluggy.HookspecMarker:
        """The marker with which category classes of the platform declare hooks."""
        return pluggy.HookspecMarker(self.name)

    @property
    def hookimpl(self) -> pluggy.HookimplMarker:
        """The marker with which plugins of the platform give hooks pluggy's options."""
        return pluggy.HookimplMarker(self.name)

    @property
    def settings_prefix(self) -> str:
        """The prefix of variables with settings of plugins, such as ``SITE__``."""
        return f"{self.prefix}__"

    @property
    def api_attribute(self) -> str:
        """The attribute in which plugins say for which API they were written, such as ``site_api_version``."""
        return f"{self.name}_api_version"

    @property
    def categories_group(self) -> str:
        """The entry-point group with which distributions add categories, such as ``site.categories``."""
        return f"{self.name}.categories"

    @property
    def files(self) -> str:
        """The names of its configuration file as a text, such as ``site.toml, site.yaml or site.json``."""
        *most, last = [name for name in self.file_names if not name.endswith(".yml")] or self.file_names
        return f"{', '.join(most)} or {last}" if most else last

    @property
    def example(self) -> str:
        """A ref that messages show, such as ``compute:duckdb``."""
        return example_ref(self.categories)

    def ref(self, text: str) -> PluginRef:
        """Return the ref that ``category:name`` stands for on this platform; the category is a slug or a group.

        >>> from floe_plugins import FLOE
        >>> FLOE.ref("compute:duckdb").type.group
        'floe.computes'

        Raises:
            ValueError: there is no such category, or the text is no ref.
        """
        return PluginRef.parse(text, self.categories)

    def words(self) -> dict[str, str]:
        """Return its name, its title and its command, for what shows it."""
        return {"name": self.name, "title": self.title, "command": self.command}

    def with_categories(self, categories: Iterable[Category]) -> Platform:
        """Return this platform with further categories. It is not changed itself.

        >>> from floe_plugins import FLOE, Category
        >>> wider = FLOE.with_categories([Category("notebook", "acme.notebooks", "acme_notebooks.api:NotebookPlugin")])
        >>> wider.ref("notebook:jupyter").type.origin, len(wider.categories) - len(FLOE.categories)
        ('', 1)

        Raises:
            ValueError: one has the slug, group or class of another.
            TypeError: one is no ``Category``.
        """
        return self._with(Categories([*self.categories, *(each.on(self.name) for each in _checked(categories))]))

    def looking_for(self, more: Callable[[], Iterable[Category]]) -> Platform:
        """Return this platform with a table of its own, which asks ``more`` for categories that it does not know."""
        return self._with(self.categories.with_more(more))

    def _with(self, categories: Categories) -> Platform:
        return type(self)(
            self.name,
            self.api_version,
            categories,
            prefix=self.prefix,
            file_names=self.file_names,
            command=self.command,
            title=self.title,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the platform as JSON data, as it is handed to another process; ``from_dict`` takes it.

        >>> from floe_plugins import FLOE, Platform
        >>> Platform.from_dict(FLOE.to_dict()).command
        'floe-plugins'
        """
        categories = [each.__getnewargs__() for each in self.categories]
        rest = {name: getattr(self, name) for name in self.__slots__ if name not in {"categories", "file_names"}}
        return {**rest, "categories": categories, "file_names": list(self.file_names)}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Platform:
        """Return the platform of ``to_dict``. Categories of floe are the members of ``PluginType``.

        Raises:
            KeyError: something is missing in the data.
            ValueError: the data are of no platform that could be made.
        """
        known = FLOE_CATEGORIES.by_group
        categories = [known.get(each[1]) or Category(*each) for each in data["categories"]]
        rest = {name: data[name] for name in ("prefix", "file_names", "command", "title")}
        return Platform(data["name"], data["api_version"], categories, **rest)


def _checked(categories: Iterable[Category]) -> list[Category]:
    found = [*categories]
    for each in found:
        if not isinstance(each, Category):  # pyright: ignore[reportUnnecessaryIsInstance] the same
            raise TypeError(f"expected a Category, such as Category('page', 'site.pages', 'site:Page'), not {each!r}")
    return found


FLOE = Platform(
    "floe", FLOE_API_VERSION, FLOE_CATEGORIES, prefix="FLOE_PLUGINS", command="floe-plugins", title="floe-plugins"
)
"""The platform floe, with its 11 categories: the default wherever a platform can be given."""
