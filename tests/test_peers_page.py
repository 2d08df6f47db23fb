"""docs/peers.md: its file is imported, its commands print what it shows, its Python runs."""

import re

from pages import Page, assert_prints

PAGE = Page("peers.md")


def test_the_example_is_imported_and_costs_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(PAGE.write(tmp_path))
    assert len(PAGE.commands) == 2
    for command, shown in PAGE.commands:
        assert_prints(command, shown)
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.text, re.DOTALL | re.MULTILINE)
    found = {}
    exec(code, found)
    assert found["cost"].latency_cycles == 12
    assert "n_banks: for Accelergy" in capsys.readouterr().out
    nests = [sentence for sentence in found["found"].mapping["mappings"][0]["nest"] if not sentence.startswith("store")]
    assert all(f"`{sentence}`" in PAGE.text for sentence in nests[:-1])
