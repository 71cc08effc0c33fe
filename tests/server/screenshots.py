"""Take the pictures of docs/operating-page.md anew: `python tests/server/screenshots.py`, with the group `page`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from server import snapshots
from server.page_stub import FixedView, serve

IMAGES = Path(__file__).parents[2] / "docs" / "images"
# The snapshot, where the page stands, the size, and whether it is dark.
PICTURES = {
    "page-healthy": ("healthy", "#dependencies", 1280, 920, "light"),
    "page-broken": ("broken", "", 1280, 1080, "light"),
    "page-starting": ("starting", "", 1280, 760, "light"),
    "page-narrow": ("broken", "", 360, 1060, "dark"),
}

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    for name, (snapshot, place, width, height, scheme) in PICTURES.items():
        with serve(FixedView(getattr(snapshots, snapshot)())) as url:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(f"{url}/{place}")
            page.wait_for_selector("#verdict")
            page.evaluate("document.activeElement.blur()")
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
    browser.close()
if pngquant := shutil.which("pngquant"):
    subprocess.run(
        [pngquant, "--force", "--ext", ".png", "--strip", *(IMAGES / f"{name}.png" for name in PICTURES)], check=True
    )
