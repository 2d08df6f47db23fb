"""Figures of an open page, which are drawn when they come near the screen."""


def everything(page):
    """Have all of them drawn, as for print."""
    page.evaluate("['beforeprint', 'afterprint'].forEach((name) => dispatchEvent(new Event(name)))")
    assert page.locator(".figure:not(.js-plotly-plot)").count() == 0
