"""What pages hold, and figures of an open page, which are drawn when they come near the screen."""

import base64
import json
import re
import zlib


def held(text):
    """What a page holds for its scripts."""
    packed = re.search(r'<script type="text/plain" id="report-data">(.*)</script>', text)[1]
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def everything(page):
    """Have all of them drawn, as for print."""
    page.evaluate("['beforeprint', 'afterprint'].forEach((name) => dispatchEvent(new Event(name)))")
    assert page.locator(".figure:not(.js-plotly-plot)").count() == 0
