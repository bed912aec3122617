"""Expressions of the faces in photographs and films: `fer-predict photo.jpg`.

    fer-predict PICTURE_FILM_OR_FOLDER ... [--run NAME] [--save FOLDER] [--format csv] ...

Prints a row per face, and one for each picture without. What is wrong with single files goes to
stderr, a line each; with csv and json so do the lines on the network and on what it is good for.
`--save` writes a copy of each picture with its faces framed, and saliency maps of the
predictions; of a film the probabilities over time.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from fer_utils.data.dataset import DataError
from fer_utils.files import FolderError
from fer_utils.predict import networks, output, saving
from fer_utils.predict.crops import Faces, find_faces
from fer_utils.predict.expressions import Prediction, failure, predictions, rows_of, table
from fer_utils.predict.networks import Network, NoNetwork
from fer_utils.predict.pictures import PictureError, list_files, read, shown
from fer_utils.predict.video import frames, is_video


@dataclass
class Batch:
    """The files of one call, the rows of the table so far, and what went wrong."""

    files: list[Path]
    network: Network
    options: argparse.Namespace
    rows: list[dict] = field(default_factory=list)
    failed: bool = False

    def wrong(self, message: str) -> None:
        """Say what is wrong, and go on."""
        self.failed = True
        tqdm.write(message, file=sys.stderr)

    def table(self) -> pd.DataFrame:
        """The rows, in the order of the files."""
        place = {shown(file): number for number, file in enumerate(self.files)}
        return table(sorted(self.rows, key=lambda row: place[row["picture"]]))

    def read_pictures(self) -> None:
        """All pictures, several at once."""
        taken: list[Path] = []
        for prediction in predictions(self._found(taken), self.network):
            file = taken.pop(0)
            found = rows_of(shown(file), prediction, self.network)
            self.rows += found
            if not prediction.faces.places:
                self.wrong(f"{shown(file)}: no face found")
            elif self.options.save:
                self._save(file, prediction)

    def _found(self, taken: list[Path]) -> Iterator[Faces]:
        """The faces of each picture that can be read; `taken` gets its path."""
        pictures = [file for file in self.files if not is_video(file)]
        for file in tqdm(pictures, unit="picture", disable=len(pictures) < 2 or None):
            try:
                faces = find_faces(read(file), cropped=self.options.cropped)
            except PictureError as error:
                self._not_read(file, error)
            else:
                taken.append(file)
                yield faces

    def read_films(self) -> None:
        """All films, one after the other."""
        for file in filter(is_video, self.files):
            try:
                self._read_film(file)
            except PictureError as error:
                self._not_read(file, error)

    def _read_film(self, file: Path) -> None:
        times: list[float] = []

        def found() -> Iterator[Faces]:
            for time, picture in tqdm(
                frames(file, self.options.every), unit="picture", disable=None
            ):
                times.append(time)
                yield find_faces(picture, cropped=self.options.cropped)

        rows = []
        for number, prediction in enumerate(predictions(found(), self.network)):
            rows += rows_of(shown(file), prediction, self.network, times[number])
        self.rows += rows
        if all(row["found"] == "no face" for row in rows):
            self.wrong(f"{shown(file)}: no face found")
        elif self.options.save:
            self._write(saving.over_time(table(rows), file.name), file, "expressions")

    def _not_read(self, file: Path, error: PictureError) -> None:
        self.rows.append(failure(shown(file), "not read", self.network))
        self.wrong(str(error))

    def _save(self, file: Path, prediction: Prediction) -> None:
        if self._write(saving.framed_faces(prediction, self.network), file, "faces"):
            self._write(saving.saliency_panel(prediction, self.network), file, "saliency")

    def _write(self, figure, file: Path, kind: str) -> bool:
        """Whether it could be written."""
        try:
            saving.write(figure, saving.target(self.options.save, file, self.files, kind))
        except FolderError as error:
            self.wrong(str(error))
            return False
        return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fer-predict", description=main.__doc__)
    add = parser.add_argument
    add("paths", nargs="+", type=Path, metavar="PATH", help="picture, film or folder")
    add("--run", metavar="NAME", help="run in runs/ (default: the most accurate quick one)")
    add("--save", type=Path, metavar="FOLDER", help="write annotated pictures here")
    add("--format", choices=output.FORMATS, default="table", help="csv and json have all columns")
    add("--recursive", action="store_true", help="take the folders in folders too")
    add("--cropped", action="store_true", help="each picture is a face: don't search for one")
    add("--every", type=_seconds, default=1.0, metavar="SECONDS", help="of a film (default: 1)")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the expressions of faces in pictures and films. Exit status 1 if anything failed."""
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    listing = list_files(options.paths, recursive=options.recursive)
    for problem in listing.problems:
        print(problem, file=sys.stderr)
    if note := listing.note():
        print(note, file=sys.stderr)
    if not listing.files:
        print("no picture or film to read", file=sys.stderr)
        return 1
    try:
        batch = Batch(listing.files, networks.network(options.run), options)
        batch.read_pictures()
        batch.read_films()
        apart = sys.stdout if options.format == "table" else sys.stderr
        print(output.heading(batch.network), file=apart)
        print(output.formatted(batch.table(), options.format), flush=True)
    except (NoNetwork, DataError, FolderError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # its reader has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return int(batch.failed or bool(listing.problems))
