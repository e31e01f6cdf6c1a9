"""Descriptions that users wrote as HTML become Markdown that does nothing, and cards that read like any other."""

from __future__ import annotations

import re

import pytest
from civitai_answers import file, model, resolve, version
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.providers.civitai.html import MOST, code, escaped, link, markdown
from zooclient.providers.civitai.provider import Civitai
from zooclient.records.card import Card


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<br>two<br/>three</p>", "one\\\ntwo\\\nthree"),
        ("<h1>Title</h1><p>x</p><h3>Sub</h3>", "### Title\n\nx\n\n##### Sub"),
        ("<p>a <strong>b </strong><em>c</em> <strong></strong>d</p>", "a **b** *c* d"),
        ("<p><strong>never closed</p><p>next</p>", "never closed\n\nnext"),
        ("<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n- b"),
        ("<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol><p>d</p>", "1. a\n2. b\n   - c\n\nd"),
        ("<blockquote><p>a</p><p>b</p></blockquote><p>c</p>", "> a\n\n> b\n\nc"),
        ("<pre><code>x = `1`\n  y</code></pre>", "```\nx = `1`\n  y\n```"),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````"),
        ("<p>a</p><hr><p>b</p>", "a\n\n---\n\nb"),
        ('<a href="https://x.example/a b(c)" rel="ugc">it</a>', "[it](<https://x.example/a%20b(c)>)"),
        ('<a href="javascript:alert(1)">it</a>', "it"),
        ('<a href="data:text/html,x">it</a><a>no</a>', "itno"),
        ('<a href="https://user:pw@x.example">it</a>', "it"),
        ('<a href="https://x.example/a>)[b"></a>', "[https://x.example/a%3E)\\[b](<https://x.example/a%3E)[b>)"),
        (
            '<img src="https://image.civitai.com/x.png" alt="a [cat]" onerror="x()">',
            "[picture: a \\[cat\\]](<https://image.civitai.com/x.png>)",
        ),
        ('<img src="file:///etc/passwd">', ""),
        ("<script>alert(1)</script><style>p{}</style>a<iframe src='x'>b</iframe>", "a"),
        ("<p>1 &lt; 2 &amp; *x* [y](z) _u_ `v` # w</p>", "1 \\< 2 \\& \\*x\\* \\[y\\](z) \\_u\\_ \\`v\\` # w"),
        ("<p># no heading</p><p>- no item</p><p>1. no item</p>", "\\# no heading\n\n\\- no item\n\n1\\. no item"),
        ("<p>a<br>---</p><p>=== x</p>", "a\\\n\\---\n\n\\=== x"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "\\<script\\>alert(1)\\</script\\>"),
        ("a\u202eb\x1b[31mc\x00d", "ab\\[31mcd"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\n\nc"),
        ("</p></ul></li></a></strong>x</blockquote>", "x"),
        ("<p>a<p>b", "a\n\nb"),
        ("<!-- gone --><p>a</p><![CDATA[x]]>", "a"),
    ],
)
def test_html_as_markdown(html: str, text: str) -> None:
    """Structure is kept, text is escaped, and what could act is gone."""
    assert markdown(html) == text


def test_a_description_that_is_too_long_is_cut() -> None:
    """What is read has a bound, and so has how deep it nests."""
    assert len(markdown("x" * (MOST + 5))) == MOST
    assert markdown("<ul><li>" * 5000 + "x").endswith("x")
    assert len(markdown("<blockquote>" * 5000 + "x")) < 100
    assert markdown("<svg>" * 5000 + "x") == ""


PIECES = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            "<p> </p> <li> <ul> </ul> <ol> <b> </b> <em> </em> <br> <hr> <pre> </pre> <h2> </h2> <a> </a> <script> "
            "</script> <blockquote> </blockquote> <td> <img> &lt; &amp;# ` ** # - 1. > | \\ <!-- -->".split()
        ),
        st.sampled_from(
            [
                '<a href="https://x.example">',
                '<a href="javascript:x">',
                '<img src="https://x.example/i">',
                "<a href='x>",
            ]
        ),
    ),
    max_size=25,
)


@given(PIECES)
@settings(max_examples=300, deadline=None)
def test_any_html_is_safe_markdown(pieces: list[str]) -> None:
    """Whatever was written, nothing of it is a tag, a picture or a link elsewhere than to http and https."""
    text = markdown("".join(pieces))
    text.encode()
    prose = re.sub(r"(?ms)^[ >\-.\d]*(`{3,})$.*?^[ >]*\1$", "", text)
    prose = re.sub(r"\\.", "", prose, flags=re.DOTALL)
    assert not re.search(r"(?<!\()<(?!https?://)", prose)
    assert "![" not in prose and "javascript:" not in "".join(re.findall(r"\]\(<[^>]*", prose))
    assert "\x1b" not in text and "\u202e" not in text


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_words_within_a_line(text: str) -> None:
    """Escaped text and code stay on their line, and a link never leads to anything but the web."""
    assert "\n" not in escaped(text) and "\n" not in code(text)
    assert "](" not in link("x", text) or text.strip().lower().startswith("http")


def test_a_card() -> None:
    """Title, words, both descriptions, terms, marks and scans are there, and its head reads as that of any card."""
    of_model = model(
        name="Ti*ny 🐸",
        description="<h2>Use</h2><p>Do <strong>this</strong>.</p>",
        minor=True,
        allowNoCredit=False,
        allowCommercialUse="{Image}",
    )
    of_version = version(
        description="<p>First.</p>",
        trainedWords=["a, b", "x`y"],
        files=[file(), file(id=31, name="b.ckpt", pickleScanResult="Danger")],
        paidAccess={"permanent": True},
    )
    record, _ = resolve("civitai:10@20", of_model, of_version)
    text = Civitai().card_text(record)
    card = Card.parse(text)
    assert card.problems == ()
    assert card.data["trigger_words"] == ["a, b", "x`y"] and card.data["source"] == "civitai:10@20"
    assert card.tags == ("tool",) and card.task == "LORA" and card.license.name == record.license.name
    assert [section.title for section in card.sections if section.level < 3] == [
        *("Ti\\ny 🐸 – v1", "Trigger words", "Description", "About this version", "Licence", "Marks"),
        "What the site's scanners found",
    ]
    for words in (
        "# Ti\\*ny 🐸 – v1",
        "LORA by acme, for SDXL 1.0.",
        "**Access:** It has to be bought at its page.",
        "- `a, b`\n- ``x`y``",
        "#### Use\n\nDo **this**.",
        "- Base model (SDXL 1.0): CreativeML Open RAIL++-M",
        "- Creator: commercial use: sell pictures made with it",
        "- Creator: has to be named: yes",
        "- Together: open-weight",
        "It shows what looks like a minor.",
        "- `b.ckpt`: pickle scan: Danger, virus scan: Success",
    ):
        assert words in text
    assert Civitai().card(record).license == record.license


def test_a_card_of_little() -> None:
    """A record that tells next to nothing still has a card, without empty sections."""
    bare = {"id": 10, "modelVersions": [{"id": 20}]}
    record, _ = resolve("civitai:10@20", bare, {"id": 20, "modelId": 10, "files": []})
    text = Civitai().card_text(record)
    card = Card.parse(text)
    assert card.problems == () and record.title == "10"
    assert [section.title for section in card.sections] == ["10", "Licence"]
    assert "Creator: commercial use: not told" in text and "Creator: has to be named: not told" in text
