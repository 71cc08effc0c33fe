"""What each command does in a sentence, examples of it, and the environment variables. Help imports nothing else."""

from __future__ import annotations

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
    "restart": "Restart the plugin REF of the platform that runs, and all that need it.",
    "run": "Start the platform and serve until SIGINT, SIGTERM or SIGHUP.",
    "show": "Show one plugin by its REF, such as compute:duckdb.",
    "start": "Start the plugin REF of the platform that runs, and what it needs.",
    "stop": "Stop the plugin REF of the platform that runs, after all that need it.",
    "timings": "Show where the time of the start of the running platform went, the slowest plugin first.",
}

EXAMPLES: dict[str, tuple[str, ...]] = {
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
    "restart": ("restart compute:duckdb",),
    "run": ("run", "run --once --timings", "run --serve 8080 --restart on-failure"),
    "show": ("show compute:duckdb", "show duckdb --json"),
    "start": ("start compute:duckdb",),
    "stop": ("stop compute:duckdb",),
    "timings": ("timings", "timings --json"),
}

VARIABLES = {
    "FLOE_PLUGINS_CONFIG": "the file, where --config is not given",
    "FLOE_PLUGINS_AUTOLOAD": "what is selected: all, configured, none",
    "FLOE_PLUGINS_DISABLE": "what is disabled, as for --disable",
    "FLOE_PLUGINS_ONLY": "the distributions that are allowed",
    "FLOE_PLUGINS_SOCKET": "the path of the status socket",
    "FLOE_PLUGINS_STRICT": "1: the first problem is an error",
    "FLOE_PLUGINS__CATEGORY__NAME__KEY": "a setting, before that of the file",
    "NO_COLOR, FORCE_COLOR": "no colour; colour in files and pipes too",
}
