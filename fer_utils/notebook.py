"""What a notebook calls: its data, its runs, and the facts that its prose is rendered from."""

import platform
import time
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from IPython.display import HTML, Markdown, display

from fer_utils import data, experiments, runs
from fer_utils.paths import build_dir, write_json

VERSIONS = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "nbconvert")


class Session:
    """One notebook at work.

    Attributes: `data` (Dataset), `profile`, `seed`, `facts` (all that was recorded so far).
    """

    def __init__(self, name: str, dataset: data.Dataset, profile: str, seed: int):
        self.name, self.data, self.profile, self.seed = name, dataset, profile, seed
        self.facts: dict = {}
        self.stand_ins: list[str] = []
        self._started = time.monotonic()

    def run(self, role: str) -> runs.Run:
        """The run of "model0", "model1" or "model2"."""
        return self._get(experiments.model, role)

    def ablation(self, *, seed: int = 0, **settings) -> runs.Run:
        """The run of an ablation cell; `seed` counts from the notebook's SEED."""
        return self._get(experiments.ablation, seed=seed, **settings)

    def _get(self, make, *role, seed: int = 0, **settings) -> runs.Run:
        """A finished run, or one trained now; a quick stand-in where a reference run is missing."""
        where = {"dataset": self.data.name, "seed": self.seed + seed, **settings}
        config = make(*role, profile=self.profile, **where)
        if self.profile == "reference" and runs.find(config, self.data) is None:
            stand_in = make(*role, profile="quick", **where)
            print(f"no reference run {config.name} for these data; stand-in: {stand_in.name}")
            self.stand_ins.append(config.name)
            config = stand_in
        return runs.get(config, self.data)

    @property
    def settings(self) -> experiments.Profile:
        """The profile's scales and number of seeds."""
        return experiments.PROFILES[self.profile]

    def record(self, **facts) -> None:
        """Record facts (numbers, strings, lists, dicts of them) for the prose and the report."""
        self.facts |= facts
        self._save()

    def say(self, template: str) -> None:
        """Show Markdown with `{fact}` fields, format specifications included, filled in."""
        display(Markdown(template.format(**self.facts)))

    def show(self, figure: plt.Figure, *, alt: str, caption: str) -> None:
        """Show a figure with its text for those who can't see it and a caption with facts."""
        texts = {"alt": alt, "caption": caption.format(**self.facts)}
        display(figure, metadata={"image/png": texts})
        plt.close(figure)

    def table(self, frame: pd.DataFrame, *, caption: str, digits: int = 3) -> None:
        """Show a data frame as a table with a caption; its row labels are shown, NaN is a dash."""
        styled = frame.style.set_caption(caption.format(**self.facts)).format(
            precision=digits, na_rep="–", thousands=","
        )
        display(HTML(styled.to_html()))

    def finish(self) -> None:
        """Record how the notebook was made, and say which runs were stand-ins."""
        self.facts["meta"] = {
            "dataset": self.data.name,
            "source": self.data.source,
            "profile": self.profile,
            "seed": self.seed,
            "stand_ins": self.stand_ins,
            "seconds": round(time.monotonic() - self._started, 1),
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "code_version": runs.code_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "versions": {"python": platform.python_version()}
            | {package: version(package) for package in VERSIONS},
        }
        self._save()
        if self.stand_ins:
            names = ", ".join(f"`{name}`" for name in sorted(set(self.stand_ins)))
            display(
                Markdown(
                    f"> **Stand-ins.** The reference runs {names} are missing; narrow networks "
                    "trained for a few hundred steps stand in for them, and their figures say "
                    "nothing about what the networks can reach."
                )
            )

    def _save(self) -> None:
        write_json(build_dir() / "facts" / f"{self.name}.json", _plain(self.facts))


def start(name: str, *, dataset: str = "auto", profile: str = "auto", seed: int = 0) -> Session:
    """Open a notebook's session: load the data and say what was found.

    profile "auto" is "reference" with FER2013 and "quick" with the drawn faces.
    """
    sns.set_theme(style="whitegrid", context="notebook", font="DejaVu Sans")
    plt.rcParams |= {"figure.dpi": 110, "figure.constrained_layout.use": True}
    loaded = data.load(dataset)
    if profile == "auto":
        profile = "quick" if loaded.name == "drawn" else "reference"
    if profile not in experiments.PROFILES:
        raise ValueError(f"PROFILE {profile!r}: expected auto, {', '.join(experiments.PROFILES)}")
    print(f"{loaded.source}\nprofile: {profile}, seed: {seed}")
    return Session(name, loaded, profile, seed)


def _plain(value):
    """NumPy values and Intervals as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if is_dataclass(value):
        return _plain(asdict(value))
    return value.tolist() if hasattr(value, "tolist") else value
