"""``completion``: the script that lets a shell complete commands, options, refs, categories and files."""

from __future__ import annotations

import click

from floe_plugins.cli import program
from floe_plugins.cli.lazy_group import complete_variable


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(("bash", "fish", "zsh")))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete commands, options, refs, categories and files.

    SHELL is bash, fish or zsh. For bash, add eval "$(PROGRAM completion bash)" to ~/.bashrc, with this program's name;
    for zsh, the same with zsh to ~/.zshrc, behind compinit; for fish, save the output as a file of its name, with the
    ending .fish, in ~/.config/fish/completions. Completing imports no plugin.
    """
    from floe_plugins.cli.shells import SHELLS

    root = click.get_current_context().find_root().command
    shell_class = SHELLS[shell]
    # click's own classes ask the shell for its version first, and this may be another machine.
    script = shell_class.source_template % shell_class(root, {}, program.name(), complete_variable()).source_vars()
    click.echo(script, nl=False)
