"""HTML from notebooks, reduced to what can neither run nor load anything: an allow-list.

The outputs of a notebook may hold whatever a cell wrote. What is not named here is dropped:
elements with their attributes, comments, declarations, processing instructions, and addresses of
other schemes.
"""

import re

import nh3

TAGS = nh3.ALLOWED_TAGS - {"area", "map"} | {"tfoot"}
#: Dropped with all that is inside them; of other unknown elements the text stays.
WITH_CONTENT = {
    *("script", "style", "template", "iframe", "object", "embed", "svg", "math", "textarea"),
    *("select", "noscript", "title", "xmp", "noembed", "noframes", "plaintext"),
}
ATTRIBUTES = {
    "*": {"class", "lang", "title"},
    "a": {"href"},
    "img": {"src", "alt"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
}
SCHEMES = {"http", "https", "mailto", "data"}
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*\Z")


def sanitise(html: str) -> str:
    """The HTML without anything that is not on the lists above.

    `src` of an image keeps its value, for `page` to refuse what is not embedded.
    """
    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=_filtered,
        url_schemes=SCHEMES,
        link_rel=None,
        strip_comments=True,
    )


def _filtered(_tag: str, attribute: str, value: str) -> str | None:
    """Data addresses only for embedded pictures."""
    if attribute == "href" and value.strip().lower().startswith("data:"):
        return None
    if attribute == "src" and value.lower().startswith("data:") and not PICTURE.match(value):
        return None
    return value
