"""The documentation site: ``tox run -e docs`` builds it into ``.tox/docs/site``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import category_pages
import error_catalogue

import floe_plugins

project = "floe-plugins"
author = "The floe-plugins founders"
project_copyright = author
version = release = floe_plugins.__version__

extensions = [
    "myst_parser",
    "sphinxcontrib.mermaid",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["images", "operating"]
html_theme = "furo"
html_title = f"floe-plugins {version}"
html_static_path = ["images"]
# Headings are named as on the forge, so that one link works on both.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
myst_fence_as_directive = ["mermaid"]

# Options are written with two hyphens, and quotes belong to what is typed.
smartquotes = False

# Spans are described without it: no other page needs it.
autodoc_mock_imports = ["opentelemetry"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Several records have an attribute whose name is that of the builtin ``type``.
suppress_warnings = ["ref.python"]

# Pages that are made from the code. The repository has them too, where links lead to them.
category_pages.write()
error_catalogue.write()
