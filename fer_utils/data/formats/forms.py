"""A form that was recognised, and the parts that it is put together from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_utils.data.formats import Parsed
from fer_utils.data.formats.places import Member


@dataclass(frozen=True)
class Form:
    """What was recognised.

    kind: one of `recognise.KINDS`
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


def of_file(kind: str, member: Member, parse: Callable[[], Parsed]) -> Form:
    """The form that one file is."""
    return Form(kind, member.name, len(member.folders), [member], [Path(member.file)], parse)


def of_files(
    kind: str,
    members: Sequence[Member],
    readers: Sequence[Callable[[], Parsed]],
    notes: tuple[str, ...],
) -> Form:
    """The form that several files of one folder are together.

    Parameters
    ----------
    kind
        What such a form is called, as in `Form`.
    members
        The files, in the order in which their images follow each other.
    readers
        One for each file, which parses it.
    notes
        What the user is told of all of them, before what the readers note.
    """
    where = joined([member.name for member in members])
    files = [Path(member.file) for member in members]

    def parse() -> Parsed:
        parts = [reader() for reader in readers]
        of_readers = dict.fromkeys(note for part in parts for note in part.notes)
        arrays = ([getattr(part, name) for part in parts] for name in ("images", "labels", "split"))
        return Parsed(where, *map(np.concatenate, arrays), (*notes, *of_readers))

    return Form(kind, where, len(members[0].folders), members, files, parse)


def joined(names: Sequence[str], most: int = 5) -> str:
    """Names as a list in words, the first `most` of them: "a, b and c", "a, b and 7 more"."""
    names = list(names)
    if len(names) > most:
        names[most:] = [f"{len(names) - most:,} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
