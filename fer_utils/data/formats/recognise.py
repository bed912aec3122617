"""Which form of FER2013 a file, a folder or an archive is; nothing is left out without a word.

The form that lies highest is taken; of several in one folder the first of KINDS. What else is
there is named.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from fer_utils.data.formats import (
    DataError,
    NothingError,
    Parsed,
    contents,
    parquet,
    pictures,
    places,
    shown,
    table,
    unread,
)
from fer_utils.data.formats.contents import PARQUET, TAR, TEXT, ZIP
from fer_utils.data.formats.forms import Form, joined, of_file, of_files
from fer_utils.data.formats.names import class_of, split_notes, split_of
from fer_utils.data.formats.places import Member, Place
from fer_utils.data.formats.unread import EXPECTED

TABLE = "table"
PARQUET_FORM = "Parquet files"
UNDERSTOOD = (TABLE, PARQUET, ZIP, TAR)
#: Kinds of forms, the preferred first.
KINDS = (
    *("fer2013 table", "icml_face_data table", "tables by split", "pictures", PARQUET_FORM),
    *("archive", "other table"),
)
AMBIGUOUS = (PARQUET_FORM, "archive", "other table")  # if there are several
COMPANION = re.compile(
    r"readme|licen[cs]e|copying|citation|fer2013new\.csv$|example_submission|.*\.(md|bib)$", re.I
)
DATA_SUFFIX = re.compile(r".*\.(csv|tsv|gz|xz|bz2|zip|tar|tgz|parquet)$", re.I)
UNFINISHED = re.compile(r".*\.(part|partial|crdownload|download|incomplete)$", re.I)
VOTES = "fer2013new.csv"  # read from beside the data, but from no archive
LOOKED_INTO = 200  # loose files of a place that are opened to see what they are
NESTED = 3  # archives in one another

Looks = list[tuple[Member, str]]


def at(path: Path) -> Form:
    """The form of FER2013 that a file is, or that lies in a folder.

    Raises DataError naming what is there instead; NothingError if that is nothing.
    """
    if not os.path.lexists(path):
        raise NothingError(f"{shown(str(path))}: no such file or folder; expected {EXPECTED}")
    if stat.S_ISDIR(places.reached(str(path)).st_mode):
        return in_place(places.folder(str(path)))
    member = places.single(str(path))
    kind = look(member)
    if kind not in UNDERSTOOD:
        raise DataError(f"{member.name}: {unread.described(member, kind)}; expected {EXPECTED}")
    return next(_forms([(member, kind)], places.Place(member.place, str(path)), 0))


def in_place(place: Place, nested: int = 0) -> Form:
    """The form that lies in a folder or an archive. Raises DataError as `at`."""
    trees, loose = _divided(place)
    files = [member for member in loose if not pictures.is_picture(member.name)]
    looks = [(member, look(member)) for member in files[:LOOKED_INTO]]
    for member, kind in looks:
        if DATA_SUFFIX.match(member.name) and kind not in (*UNDERSTOOD, TEXT):
            raise DataError(f"{member}: {unread.described(member, kind)}; mend or remove it")
    forms = [*map(partial(_tree, place), trees.items()), *_forms(looks, place, nested)]
    if not forms:
        raise unread.not_understood(place, loose, looks)
    forms.sort(key=lambda form: (form.depth, KINDS.index(form.kind), form.where))
    chosen = forms[0]
    rivals = [f.where for f in forms if (f.depth, f.kind) == (chosen.depth, chosen.kind)]
    if len(rivals) > 1 and chosen.kind in AMBIGUOUS:
        raise DataError(f"{place.name}: which of {joined(rivals)}? name one of them")
    read = {id(member) for member in chosen.members}
    if chosen.kind == PARQUET_FORM:  # which may hold the paths of pictures
        loose = [member for member in loose if not pictures.is_picture(member.name)]
    left = [member.path for member in loose if id(member) not in read]
    left += [form.where for form in forms[1:] if form.kind == "pictures"]
    return replace(chosen, notes=(*chosen.notes, *unread.left_out(place, left)))


def look(member: Member) -> str:
    """What a file is: one of UNDERSTOOD, or in words. Raises DataError if it can't be read."""
    if UNFINISHED.match(member.name):
        return "an unfinished download"
    with contents.opened(member) as file:
        is_table = file.kind == TEXT and table.dialect(file.head)
        return TABLE if is_table else file.kind


def _divided(place: Place) -> tuple[dict[tuple[str, ...], list[Member]], list[Member]]:
    """The files below `<split>/<class>/`, by the folders above those; and the other files, but
    for companions of data."""
    roots = {tuple(m.folders[:-2]) for m in place.members if _is_in_class_folder(m)}
    trees, loose = defaultdict(list), []
    archived = os.path.isfile(place.file)
    for member in place.members:
        root = next((r for r in roots if _belongs(member, r)), None)
        if root is not None:
            trees[root].append(member)
        elif not COMPANION.match(member.name) or (member.name == VOTES and archived):
            loose.append(member)
    loose.sort(key=lambda member: (len(member.folders), member.path))
    return trees, loose


def _is_in_class_folder(member: Member) -> bool:
    """Whether a file lies in a class folder, and that in a folder of a split."""
    *_, above, name = ["", "", *member.folders]
    return (name.isdecimal() or class_of(name) is not None) and split_of(above) is not None


def _belongs(member: Member, root: tuple[str, ...]) -> bool:
    """Whether a file is one of the pictures of the tree at `root`, or should be one."""
    folders, depth = member.folders, len(root)
    if tuple(folders[:depth]) != root or len(folders) == depth or split_of(folders[depth]) is None:
        return False
    return len(folders) > depth + 1 or pictures.is_picture(member.name)


def _tree(place: Place, tree: tuple[tuple[str, ...], list[Member]]) -> Form:
    root, members = tree
    splits = sorted({member.folders[len(root)] for member in members})
    where = f"{'/'.join(root)}/" if root else joined([f"{split}/" for split in splits])
    file = Path(place.file)
    files = [file.joinpath(*root) if file.is_dir() else file]
    parse = partial(pictures.read, where, members, len(root))
    return Form("pictures", where, len(root), members, files, parse)


def _forms(looks: Looks, place: Place, nested: int) -> Iterator[Form]:
    """The forms among loose files: tables, Parquet files, archives."""
    by_split: dict[tuple, list[Member]] = defaultdict(list)
    for member, kind in looks:
        word = _stem(member)
        if kind in (TABLE, PARQUET) and split_of(word) is not None:
            by_split[(*member.folders, kind)].append(member)
        elif kind == TABLE:
            known = (k for k in KINDS[:2] if word.lower().startswith(k.removesuffix(" table")))
            yield of_file(next(known, "other table"), member, partial(table.read, member, None))
        elif kind == PARQUET:
            yield of_file(PARQUET_FORM, member, _parquet(member, None, place))
        elif kind in (ZIP, TAR):
            yield of_file("archive", member, partial(_read_archive, member, kind == ZIP, nested))
    for (*_, kind), members in by_split.items():
        yield _by_split(kind, members, place)


def _by_split(kind: str, members: list[Member], place: Place) -> Form:
    """Tables or Parquet files that are named after splits; of Parquet files a split may have
    several."""
    members.sort(key=lambda member: (split_of(_stem(member)), member.path))
    if kind == TABLE:
        first = {split_of(_stem(member)): member for member in reversed(members)}
        members = [first[split] for split in sorted(first)]
    reader = _table if kind == TABLE else _parquet
    readers = [reader(member, split_of(_stem(member)), place) for member in members]
    kind = "tables by split" if kind == TABLE else PARQUET_FORM
    return of_files(kind, members, readers, split_notes(map(_stem, members)))


def _table(member: Member, implied: int | None, place: Place) -> Callable[[], Parsed]:
    return partial(table.read, member, implied)


def _parquet(member: Member, implied: int | None, place: Place) -> Callable[[], Parsed]:
    by_path = {other.path: other for other in place.members}

    def find(path: str) -> Member | None:
        """The file of a path in the table: from its own folder, or from the place."""
        if not by_path:
            file = os.path.join(os.path.dirname(member.file), path)
            return places.single(file) if os.path.isfile(file) else None
        path = path.replace("\\", "/").removeprefix("./")
        return by_path.get("/".join([*member.folders, path]), by_path.get(path))

    return partial(parquet.read, member, implied, find)


def _stem(member: Member) -> str:
    """The word of a file's name: "train" of "train-00000-of-00002.parquet" or "train.csv.gz"."""
    return re.sub(r"-\d+-of-\d+.*", "", member.name.split(".")[0])


def _read_archive(member: Member, is_zip: bool, nested: int) -> Parsed:
    if nested == NESTED:
        raise DataError(f"{member}: more than {NESTED} archives in one another; unpack them")
    with contents.opened(member) as file:
        place = places.archive(member, file.stream, is_zip)
        form = in_place(place, nested + 1)
        parsed = form.parse()
    where = f"{parsed.where} in {member.name}"
    return replace(parsed, where=where, notes=(*parsed.notes, *form.notes))
