"""docs/screenshots.py: pictures of the README and the gallery, as its commands make them."""

from pathlib import Path

import pytest
from pages import script

ROOT = Path(__file__).resolve().parents[2]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def screenshots():
    pytest.importorskip("playwright.sync_api", reason="playwright drives chromium; it is not installed")
    return script("screenshots")


def test_a_picture_is_taken_of_a_page_that_is_drawn(screenshots, browser, tmp_path):
    picture = next(each for each in screenshots.PICTURES if each.name == "gallery_curve.png")
    screenshots.make(picture, tmp_path)
    page = browser.new_page(viewport={"width": picture.width, "height": picture.height})
    screenshots.take(picture, page, tmp_path, tmp_path / picture.name)
    assert page.evaluate(screenshots.READY)
    taken = (tmp_path / picture.name).read_bytes()
    assert taken.startswith(PNG)
    assert len(taken) > 20_000


def test_every_picture_that_is_made_is_shown_and_there(screenshots):
    pages = "".join(page.read_text(encoding="utf-8") for page in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"))
    for picture in screenshots.PICTURES:
        assert picture.name in pages
        assert (ROOT / "docs" / picture.name).is_file()
