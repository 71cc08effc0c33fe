"""The command line: all commands, under the name of this host."""

from floe_plugins import command_line
from site_host.platform import SITE

main = command_line(SITE)
