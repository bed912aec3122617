"""`python -m fer_utils.data.fetch` (`make data`): download FER2013 into data/, without a login."""

import shutil
import sys
from pathlib import Path

from fer_utils.data.dataset import load
from fer_utils.data.formats import DataError, NothingError, recognise
from fer_utils.data.formats.unread import EXPECTED
from fer_utils.files import FolderError, data_dir, escape_unprintable, replacing, require_checkout

# a public copy of the original fer2013.csv, at a fixed version
HANDLE = "deadskull7/fer2013/versions/1"


def fetch() -> Path:
    """Download `fer2013.csv` into data/, check it by parsing it, and return its path.

    The file appears only when it is complete. Raises DataError if the download fails or does not
    hold FER2013.
    """
    target = data_dir() / "fer2013.csv"
    download = data_dir() / ".download"
    shutil.rmtree(download, ignore_errors=True)  # left by a killed download
    try:
        _download(download)
        found = next(download.rglob(target.name), None)
        if found is None:
            raise DataError(f"kaggle.com/{HANDLE} holds no {target.name}")
        recognise.at(found).parse()
        with replacing(target) as temporary:
            found.replace(temporary)
    finally:
        shutil.rmtree(download, ignore_errors=True)
    return target


def _download(folder: Path) -> None:
    import kagglehub  # slow to import, and needed here only

    try:
        kagglehub.dataset_download(HANDLE, output_dir=str(folder))
    except Exception as error:  # network, server, disk: for the user it is all the same
        raise DataError(
            f"cannot download FER2013 ({type(error).__name__}): get it by hand from "
            f"kaggle.com/datasets/{HANDLE.split('/versions')[0]} and put it into {data_dir()}/ "
            f"as {EXPECTED}"
        ) from error


def _is_empty(folder: Path) -> bool:
    """Whether nothing lies in the folder. Raises DataError if that which does is not understood."""
    try:
        recognise.at(folder)
    except NothingError:
        return True
    return False


def main() -> int:
    """Command line; returns the exit status."""
    escape_unprintable()  # the path may be in any script
    try:
        require_checkout("make data")
        if _is_empty(data_dir()):
            fetch()
        print(load(str(data_dir())).source)
    except (DataError, FolderError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
