"""A sentence on each command, examples of it, and the environment variables. Help imports nothing else."""

from __future__ import annotations

from floe_plugins.core.platform import FLOE, Platform

# The first sentence of each command's help.
SUMMARIES = {
    "check": "Load the selected plugins, or those of each REF, and find what is wrong.",
    "completion": "Print the script that lets SHELL complete commands, options, refs, categories and files.",
    "config": "Validate, describe, show and migrate the configuration file.",
    "doctor": "Load every installed plugin, or each REF, in a process of its own, selected or not.",
    "explain": "Explain the settings of a plugin, or one field of them: type, default, value and where it comes from.",
    "graph": "Draw what each plugin needs, or what the plugin REF needs.",
    "health": "Report the health of the platform that runs, or of one that is started for it.",
    "list": "List the installed plugins, including broken ones.",
    "new": "Make the project of a new plugin, whose tests pass: NAME of a CATEGORY.",
    "restart": "Restart the plugin REF of the platform that runs, and all that need it.",
    "run": "Start the platform and serve until SIGINT, SIGTERM or SIGHUP.",
    "show": "Show one plugin by its REF, which is CATEGORY:NAME.",
    "start": "Start the plugin REF of the platform that runs, and what it needs.",
    "stop": "Stop the plugin REF of the platform that runs, after all that need it.",
    "timings": "Show where the time of the start of the running platform went, the slowest plugin first.",
    "validate": "Check the plugins of a project or a wheel before it is installed.",
}

_EXAMPLES: dict[str, tuple[str, ...]] = {
    "": ("list", "show compute:duckdb", "check --config production.toml", "run"),
    "check": ("check", "check --all --strict", "check compute:duckdb -vv", "check --category compute --json"),
    "completion": ("completion bash >> ~/.bashrc", "completion fish > ~/.config/fish/completions/floe-plugins.fish"),
    "config": ("config validate floe.toml", "config show"),
    "config migrate": ("config migrate floe.toml > new.toml",),
    "config schema": ("config schema > floe.schema.json",),
    "config show": ("config show", "config show production.toml --json"),
    "config validate": ("config validate", "config validate production.toml"),
    "doctor": ("doctor", "doctor compute:duckdb --start", "doctor --json --memory 512"),
    "explain": ("explain compute:duckdb", "explain compute:duckdb.path", "explain duckdb.path --json"),
    "graph": ("graph", "graph compute:duckdb", "graph --format svg > plugins.svg"),
    "health": ("health", "health --timeout 10 --json"),
    "list": ("list", "list --category compute", "list --json --disable storage:s3"),
    "new": ("new secrets acme", "new compute acme --directory plugins/acme"),
    "restart": ("restart compute:duckdb",),
    "run": ("run", "run --once --timings", "run --serve 8080 --restart on-failure", "run --config - < floe.toml"),
    "show": ("show compute:duckdb", "show duckdb --json"),
    "start": ("start compute:duckdb",),
    "stop": ("stop compute:duckdb",),
    "timings": ("timings", "timings --json"),
    "validate": ("validate .", "validate . --run", "validate dist/acme-1.0-py3-none-any.whl --strict"),
}

_VARIABLES = {
    "CONFIG": "the file, where --config is not given",
    "AUTOLOAD": "what is selected: all, configured, none",
    "DISABLE": "what is disabled, as for --disable",
    "ONLY": "the distributions that are allowed",
    "SOCKET": "the path of the status socket",
    "TOKEN": "the token that run --serve asks for",
    "STRICT": "1: the first problem is an error",
    "_CATEGORY__NAME__KEY": "a setting, before that of the file",
}


def variables(platform: Platform) -> dict[str, str]:
    """Return the environment variables that the command line of a platform reads, and what each is for."""
    own = {platform.variable(name): text for name, text in _VARIABLES.items()}
    return {**own, "NO_COLOR, FORCE_COLOR": "no colour; colour in files and pipes too"}


def examples(platform: Platform, command: str = "") -> tuple[str, ...]:
    """Return examples of a command, without the name of the program; with the refs and files of the platform."""
    found = _EXAMPLES.get(command, ())
    ref = platform.example
    slug, _, name = ref.partition(":")
    words = {
        "compute:duckdb": ref,
        "storage:s3": ref,
        "--category compute": f"--category {slug}",
        "new compute": f"new {slug}",
        " duckdb": f" {name}",
    }
    words.update({"floe.toml": platform.file_names[0], "floe.schema": f"{platform.name}.schema"})
    words["floe-plugins.fish"] = f"{platform.command}.fish"
    if platform is FLOE:
        return found
    for word, other in words.items():
        found = tuple(each.replace(word, other) for each in found)
    return found
