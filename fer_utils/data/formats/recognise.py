"""Which form of FER2013 a file, a folder or an archive is; nothing is left out without a word.

The form that lies highest is taken; of several in one folder the first of KINDS. What else is
there is named.
"""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fer_utils.data.formats import (
    DataError,
    NothingError,
    Parsed,
    contents,
    delimited,
    joined,
    pictures,
    places,
    shown,
    tables,
    unread,
)
from fer_utils.data.formats.contents import PARQUET, TAR, TEXT, ZIP
from fer_utils.data.formats.names import split_notes, split_of
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


@dataclass(frozen=True)
class Form:
    """What was recognised.

    kind: one of KINDS
    where: the user's name for it, such as "train.csv and test.csv"
    depth: how many folders it lies below the place
    members: the files it is read from
    sources: files and folders on the disk that decide what is read
    parse: reads it; raises DataError
    notes: what the first line has to say about the place
    """

    kind: str
    where: str
    depth: int
    members: Sequence[Member]
    sources: Sequence[Path]
    parse: Callable[[], Parsed]
    notes: tuple[str, ...] = ()


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
        raise DataError(f"{member.name}: {kind}; expected {EXPECTED}")
    return next(_of_files([(member, kind)], Place(member.place, str(path)), 0))


def in_place(place: Place, nested: int = 0) -> Form:
    """The form that lies in a folder or an archive, itself in `nested` others. Raises as `at`."""
    trees = pictures.trees(place.members)
    of_trees = {id(member) for tree in trees.values() for member in tree}
    others = [m for m in place.members if id(m) not in of_trees and not _is_companion(m, place)]
    loose = sorted(others, key=lambda member: (len(member.folders), member.path))
    files = [member for member in loose if not pictures.is_picture(member.name)]
    looks = [(member, look(member)) for member in files[:LOOKED_INTO]]
    for member, kind in looks:
        understood = kind in UNDERSTOOD or kind.startswith(TEXT)
        if DATA_SUFFIX.match(member.name) and not understood:
            raise DataError(f"{member}: {kind}; mend or remove it")
    forms = [_tree(place, *tree) for tree in trees.items()]
    forms += _of_files(looks, place, nested)
    if not forms:
        raise unread.not_understood(place, loose, looks)
    forms.sort(key=lambda form: (form.depth, KINDS.index(form.kind), form.where))
    chosen = forms[0]
    rivals = [f.where for f in forms if (f.depth, f.kind) == (chosen.depth, chosen.kind)]
    if len(rivals) > 1 and chosen.kind in AMBIGUOUS:
        raise DataError(f"{place.name}: which of {joined(rivals)}? name one of them")
    read = {id(member) for member in chosen.members}
    if chosen.kind == PARQUET_FORM:  # which may hold the paths of pictures
        loose = files
    left = [member.path for member in loose if id(member) not in read]
    left += [form.where for form in forms[1:] if form.kind == "pictures"]
    return replace(chosen, notes=(*chosen.notes, *unread.left_out(place, left)))


def look(member: Member) -> str:
    """What a file is: one of UNDERSTOOD, or in words. Raises DataError if it can't be read."""
    if UNFINISHED.match(member.name):
        return "an unfinished download"
    with contents.opened(member) as file:
        if file.kind != TEXT:
            return file.kind
        begin = shown(delimited.first_line(file.head), 40)
        return TABLE if delimited.dialect(file.head) else f'{TEXT} (it begins with "{begin}")'


def _is_companion(member: Member, place: Place) -> bool:
    """Whether a file is one that lies beside data without being any."""
    from_archive = member.name == VOTES and os.path.isfile(place.file)
    return bool(COMPANION.match(member.name)) and not from_archive


def _tree(place: Place, root: tuple[str, ...], members: list[Member]) -> Form:
    splits = sorted({member.folders[len(root)] for member in members})
    where = f"{'/'.join(root)}/" if root else joined([f"{split}/" for split in splits])
    file = Path(place.file)
    files = [file.joinpath(*root) if file.is_dir() else file]
    parse = partial(pictures.read, where, members, len(root))
    return Form("pictures", where, len(root), members, files, parse)


def _of_files(looks: list[tuple[Member, str]], place: Place, nested: int) -> Iterator[Form]:
    """The forms among loose files: tables, Parquet files, archives."""
    by_split: dict[tuple, list[Member]] = defaultdict(list)
    for member, kind in looks:
        word = _stem(member)
        if kind in (ZIP, TAR):
            parse = partial(_read_archive, member, kind == ZIP, nested)
            depth, file = len(member.folders), Path(member.file)
            yield Form("archive", member.name, depth, [member], [file], parse)
        elif kind in (TABLE, PARQUET) and split_of(word) is not None:
            by_split[(*member.folders, kind)].append(member)
        elif kind == PARQUET:
            yield _tables(PARQUET_FORM, [member], place)
        elif kind == TABLE:
            known = (k for k in KINDS[:2] if word.lower().startswith(k.removesuffix(" table")))
            yield _tables(next(known, "other table"), [member], place)
    for (*_, kind), members in by_split.items():
        members.sort(key=lambda member: (split_of(_stem(member)), member.path))
        if kind == TABLE:  # one of a split; of Parquet files a split may have several
            first: dict[int | None, Member] = {}
            for member in members:
                first.setdefault(split_of(_stem(member)), member)
            members = list(first.values())
        yield _tables("tables by split" if kind == TABLE else PARQUET_FORM, members, place)


def _tables(kind: str, members: list[Member], place: Place) -> Form:
    """The form that tables of one folder are together; their images follow in this order."""
    where = joined([member.name for member in members])
    notes = split_notes(map(_stem, members))

    def parse() -> Parsed:
        parts = [
            tables.read(member, split_of(_stem(member)), partial(_beside, member, place))
            for member in members
        ]
        of_parts = dict.fromkeys(note for part in parts for note in part.notes)
        images, labels, split = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("images", "labels", "split")
        )
        return Parsed(where, images, labels, split, (*notes, *of_parts))

    files = [Path(member.file) for member in members]
    return Form(kind, where, len(members[0].folders), members, files, parse)


def _beside(member: Member, place: Place, path: str) -> Member | None:
    """The file of a path in a table: from the table's own folder, or from the place."""
    path = path.replace("\\", "/").removeprefix("./")
    if not place.members:  # the table alone was named
        file = os.path.join(os.path.dirname(member.file), path)
        return places.single(file) if os.path.isfile(file) else None
    return place.by_path.get("/".join([*member.folders, path]), place.by_path.get(path))


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
