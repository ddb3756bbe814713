"""Pages: main content alone."""

from __future__ import annotations

from .conftest import See

PAGE = """<!doctype html><html lang="en"><head><title> The  news </title>
<meta name="description" content="What happened"><meta property="og:site_name" content="Daily">
<style>p {}</style></head><body>
<nav><a href="/">Home</a></nav><aside>Advert</aside>
<main><h1>Storm</h1><p>It <b>rained</b> all
day.</p><ul><li>roofs</li><li><p>trees</p></li></ul>
<h2>Figures</h2><table><tr><th>town<th>mm<tr><td>Oslo<td>40</table>
<pre>a  b
 c</pre><img src="a.png" alt="A flooded street">
<div hidden>secret</div><p style="display: none">secret</p><span aria-hidden="true">secret</span>
<script>secret()</script></main><footer>secret</footer></body></html>"""


def test_main_content_is_found_with_its_headings(see: See) -> None:
    found = see(PAGE)
    assert found.media == "text/html" and found.title == "The news"
    assert found.about == {"language": "en", "description": "What happened", "site": "Daily"}
    assert [(one.kind, one.text, one.place.section) for one in found.observations] == [
        ("text", "It rained all day.", "Storm"),
        ("text", "- roofs\n- trees", "Storm"),
        ("table", "| town | mm |\n| --- | --- |\n| Oslo | 40 |", "Storm > Figures"),
        ("text", "a  b\n c", "Storm > Figures"),
        ("image", "A flooded street", "Storm > Figures"),
    ]
    assert found.observations[2].rows == [["town", "mm"], ["Oslo", "40"]]


def test_menus_are_left_out_where_no_main_part_is_marked(see: See) -> None:
    found = see(
        "<html><body><header>Site</header><ul><li><a href=1>One</a><li><a href=2>Two</a></ul>"
        "<div>Some text with <a href=3>a link</a> in it.</div><div>more</div></body>"
    )
    assert found.texts == ["Some text with a link in it.", "more"]


def test_table_that_only_lays_a_page_out_is_text(see: See) -> None:
    found = see("<html><body><table><tr><td>menu<td><table><tr><td>inner</table></table></body>")
    assert found.texts == ["menu", "inner"]


def test_page_in_an_old_encoding_is_read_as_it_says(see: See) -> None:
    found = see('<html><meta charset="windows-1251"><body>Привет'.encode("cp1251"))
    assert found.texts == ["Привет"]


def test_page_without_anything_has_nothing(see: See) -> None:
    assert see("<html>").observations == [] and see("<html>").error is None
