"""What lies in a place but is not read, in words: nothing is left out in silence."""

import re
from collections.abc import Iterator, Sequence

from fer_utils.data.formats import DataError, NothingError, joined, pictures, shown
from fer_utils.data.formats.names import class_of
from fer_utils.data.formats.places import Member, Place

EXPECTED = (
    "a CSV or Parquet file with a row per image, folders train/<class>/ and test/<class>/ of "
    "images, or an archive of one of these; data/README.md lists the forms"
)
README = re.compile(r"readme(\.\w+)?$", re.IGNORECASE)
NAMED = 3  # files of which is said what they are


def not_understood(
    place: Place, loose: Sequence[Member], kinds: Sequence[tuple[Member, str]]
) -> DataError:
    """The error for a place in which no form is: it says what there is instead.

    `loose` are its files that could be data; `kinds` says in words of some of them what they are.
    """
    others = [m.path for m in place.members if not README.match(m.path)]
    if not others and not place.empty:
        return NothingError(f"{place.name}: nothing in it; expected {EXPECTED}", skipped(place))
    found = [f"{m.path}: {kind}" for m, kind in kinds[:NAMED]]
    images = [member for member in loose if pictures.is_picture(member.name)]
    classes = {folder for m in images for folder in m.folders[-1:] if class_of(folder) is not None}
    if classes:
        listed = joined(sorted(classes))
        found.append(f"class folders ({listed}) without train/ and test/ above them")
    elif images:
        found.append(f"{len(images):,} pictures in no class folder, such as {images[0].path}")
    if more := len(loose) - len(images) - len(kinds[:NAMED]):
        found.append(f"{more:,} more files")
    if not loose:
        listed = joined(others) or f"empty folders ({joined(place.empty)})"
        found.append(f"only {listed} in it")
    return DataError(
        f"{place.name}: not understood: {shown('; '.join(found), 600)}; expected {EXPECTED}"
    )


def left_out(place: Place, unread: Sequence[str]) -> Iterator[str]:
    """What the first line has to say of files that are not read."""
    if unread:
        yield f"not read: {shown(joined(unread))}"
    if place.skipped:
        yield f"skipped: {skipped(place)}"


def skipped(place: Place) -> str:
    """How many files of which kind were skipped by their names: "1 ._* and 2 .DS_Store"."""
    kinds = [f"{count:,} {kind}" for kind, count in sorted(place.skipped.items())]
    return joined(kinds, 10)
