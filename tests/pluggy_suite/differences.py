"""The tests of pluggy that fail on purpose with the manager of a category, each with its reason."""

DIFFERENCES = {
    "test_pluginmanager.py::test_load_setuptools_instantiation": (
        "a manager loads the entry points of its own category alone, through discovery and the version gate"
    ),
}
