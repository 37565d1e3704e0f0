from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accompanist.console.markdown import to_html


def test_a_card_s_text_and_tables_are_shown() -> None:
    assert to_html("# Card\n\n| a | b |\n|---|--:|\n| 1 | *2* |\n") == (
        "<h1>Card</h1>\n<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n"
        "<td><em>2</em></td>\n</tr>\n</tbody>\n</table>\n"
    )


def test_html_in_a_card_is_text() -> None:
    shown = to_html("<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b")
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;" in shown


def test_only_the_web_is_linked_to() -> None:
    assert to_html("[a](https://example.org)") == '<p><a href="https://example.org">a</a></p>\n'
    assert to_html("[a](../README.md) and [b](javascript:alert(1))").count("href") == 0
    assert "../README.md" not in to_html("[a](../README.md)")
    assert to_html("![a plot](plot.png)") == "<p></p>\n"


@given(st.text(alphabet=st.sampled_from("<>&\"'[]()!`*|-\n #a:/\\"), max_size=60))
def test_no_text_becomes_a_tag_that_runs(text: str) -> None:
    shown = to_html(text).lower()
    for tag in ("<script", "<img", "<iframe", "<style", "<svg", "style="):
        assert tag not in shown
