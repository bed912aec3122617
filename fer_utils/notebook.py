"""What a notebook calls: its data, its runs, and the facts that its prose is rendered from."""

import os
import platform
import time
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from IPython.display import HTML, Markdown, display

from fer_utils.data.dataset import Dataset, load
from fer_utils.files import build_dir, write_json
from fer_utils.training import campaign, experiments, runs

CORE = ((True, True, False), (False, True, False), (True, False, False), (False, False, False))
CORE += ((True, True, True),)
P_NAMES = ("p", "p_holm", "p (Holm)")  # of columns that hold p-values
VERSIONS = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "nbconvert")


class Session:
    """One notebook at work.

    Attributes: `data` (Dataset), `profile`, `seed`, `facts` (all that was recorded so far).
    """

    def __init__(self, name: str, dataset: Dataset, profile: str, seed: int):
        self.name, self.data, self.profile, self.seed = name, dataset, profile, seed
        self.facts: dict = {}
        self.stand_ins: list[str] = []
        self._started = time.monotonic()

    def models(self, *roles: str) -> dict[str, runs.Run]:
        """The runs of "model0", "model1", "model2", by name, to be compared with each other."""
        found = self._comparable([partial(experiments.model, role) for role in roles], seeds=1)
        return {role: seeds[0] for role, seeds in zip(roles, found, strict=True)}

    def run(self, role: str) -> runs.Run:
        """The run of one model."""
        return self.models(role)[role]

    def ablations(self, *cells: dict) -> list[list[runs.Run]]:
        """For each cell (arguments of `experiments.ablation`) its runs, one per seed."""
        makers = [partial(experiments.ablation, **cell) for cell in cells]
        return self._comparable(makers, seeds=experiments.PROFILES[self.profile].seeds)

    def factorial(self) -> dict[tuple[bool, bool, bool], list[runs.Run]]:
        """Runs by (per-image normalisation, batch normalisation, x20 augmentation).

        All eight cells where the profile has them, otherwise the five that the homework's tables
        and the interaction of the two normalisations need.
        """
        core = {levels: cell for levels, cell in experiments.CELLS.items() if levels in CORE}
        found = dict(zip(core, self.ablations(*core.values()), strict=True))
        rest = {levels: cell for levels, cell in experiments.CELLS.items() if levels not in CORE}
        more = {
            levels: self._finished(partial(experiments.ablation, **cell))
            for levels, cell in rest.items()
        }
        scale = found[True, True, False][0].config.widths
        same_scale = all(seeds and seeds[0].config.widths == scale for seeds in more.values())
        return found | more if same_scale else found

    def _finished(self, make) -> list[runs.Run]:
        """The finished runs of a config, over the profile's seeds."""
        seeds = range(experiments.PROFILES[self.profile].seeds)
        configs = [self._config(make, self.profile, seed) for seed in seeds]
        return [run for config in configs if (run := runs.find(config, self.data))]

    def _comparable(self, makers: list, seeds: int) -> list[list[runs.Run]]:
        """Runs that may be compared: all of the profile, or all of them quick stand-ins."""
        if self.profile == "reference":
            found = [self._finished(make)[:seeds] for make in makers]
            if all(found):
                return found
            missing = [
                self._config(make, self.profile, 0).name
                for make, finished in zip(makers, found, strict=True)
                if not finished
            ]
            print(f"no reference run for these data: {', '.join(missing)}; quick stand-ins instead")
            self.stand_ins += missing
            configs = [[self._config(make, "quick", 0)] for make in makers]
        else:
            configs = [
                [self._config(make, self.profile, s) for s in range(seeds)] for make in makers
            ]
        return [[campaign.get(config, self.data) for config in group] for group in configs]

    def _config(self, make, profile: str, seed: int) -> experiments.Config:
        return make(profile=profile, dataset=self.data.name, seed=self.seed + seed)

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
        """Show a data frame as a table with a caption; its row labels are shown, NaN is a dash.

        p-values have two significant digits, all else `digits` after the point.
        """
        if frame.index.nlevels == 1:  # its name into the header row, not into a row of its own
            names = [None] * (frame.columns.nlevels - 1) + [frame.index.name]
            frame = frame.rename_axis(index=None).rename_axis(names, axis="columns")
        styled = frame.style.set_caption(caption.format(**self.facts)).format(
            precision=digits, na_rep="–", thousands=","
        )
        p_values = [
            name for name in frame if (name[-1] if type(name) is tuple else name) in P_NAMES
        ]
        styled = styled.format("{:.2g}", subset=p_values, na_rep="–")
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
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
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
    loaded = load(dataset)
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
