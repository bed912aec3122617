"""Which runs a notebook looks at: those of its profile and seed, or fallback models instead."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from fer_utils.data.dataset import DataError, Dataset
from fer_utils.training import experiments, runs, train_run
from fer_utils.training.config import Config
from fer_utils.training.runs import Run

#: Makes a config from the keywords profile, dataset and seed.
Maker = Callable[..., Config]

#: Of `experiments.FACTORIAL_DESIGN`, what the homework's tables and the interaction of the two
#: normalisations need.
CORE = (
    *((True, True, False), (False, True, False), (True, False, False), (False, False, False)),
    (True, True, True),
)


class RunSelection:
    """The runs of one profile and seed on a data set.

    `fallbacks` are the names of the reference runs that are missing, in whose place quick ones
    were taken; `rescored` and `not_rescored` those that, on a copy of the data, were scored again
    or not.
    """

    def __init__(self, dataset: Dataset, profile: str, seed: int):
        self.data, self.profile, self.seed = dataset, profile, seed
        self.fallbacks: set[str] = set()
        self.rescored: set[str] = set()
        self.not_rescored: set[str] = set()

    def model(self, role: str) -> Run:
        """The run of one model, such as "model2", or a finished one of the user's own.

        Raises DataError if there is neither.
        """
        return self.models(role)[role]

    def models(self, *roles: str) -> dict[str, Run]:
        """The runs of some models by name, to be compared with each other; see `model`."""
        known = [role for role in roles if role in experiments.ROLES]
        found = self.comparable([partial(experiments.model, role) for role in known], seeds=1)
        models = {role: seeds[0] for role, seeds in zip(known, found, strict=True)}
        return {role: models.get(role) or self._own(role) for role in roles}

    def _own(self, name: str) -> Run:
        """A finished run of the user's own."""
        if run := runs.find_own(name, self.data):
            return run
        there = ", ".join((*experiments.MODELS, *runs.own(self.data)))
        raise DataError(f"no finished network on these data is called {name!r}; there are {there}")

    def are_finished(self, *roles: str) -> bool:
        """Whether all of these models are finished; none is trained here."""
        return all(self._finished(partial(experiments.model, role)) for role in roles)

    def members_and_students(self) -> dict[str, Run]:
        """By name the finished members of the ensemble of seven and its students; trains none.

        Only the reference on FER2013 has them; a copy those alone that are scored again on it.
        """
        if (self.profile, self.data.name) != ("reference", "fer2013"):
            return {}
        found = {
            config.name: run
            for config in experiments.members_and_students()
            if (run := runs.find(config, self.data))
            and (runs.is_rescored(run) or not runs.is_on_copy(run, self.data))
        }
        return self._noted(found)

    def ablations(self, *cells: dict) -> list[list[Run]]:
        """For each cell (arguments of `experiments.ablation`) its runs, one per seed."""
        return self.comparable(
            [partial(experiments.ablation, **cell) for cell in cells], seeds=self._seeds()
        )

    def factorial(self) -> dict[tuple[bool, bool, bool], list[Run]]:
        """Runs by (per-image normalisation, batch normalisation, x20 augmentation).

        All eight cells where they are finished, otherwise the five of CORE.
        """
        design = experiments.FACTORIAL_DESIGN
        core = dict(zip(CORE, self.ablations(*(design[levels] for levels in CORE)), strict=True))
        rest = {
            levels: self._finished(partial(experiments.ablation, **cell), rescore=False)
            for levels, cell in design.items()
            if levels not in CORE
        }
        if not all(rest.values()) or self.fallbacks:
            return core
        return core | self._noted(rest)

    def comparable(self, makers: Sequence[Maker], seeds: int) -> list[list[Run]]:
        """For each maker of a config its runs, one per seed: all of the profile, or all fallbacks.

        Where a reference run is missing, quick models take the place of all, which is said. Runs of
        other profiles are trained if they do not exist. On a copy of FER2013 with other pixels all
        are scored again, or none, if one of them has not kept its weights.
        """
        profile = self.profile
        if profile == "reference":
            first = [self._config(make, self.seed) for make in makers]
            rescore = all(config.keep_weights for config in first)
            found = [self._finished(make, rescore=rescore)[:seeds] for make in makers]
            if all(found):
                return self._noted(found)
            missing = [c.name for c, some in zip(first, found, strict=True) if not some]
            why = f"of seed {self.seed}" if self.seed else "for these data"
            print(
                f"no reference run {why}: {', '.join(missing)}; quick fallback models instead",
                flush=True,
            )
            self.fallbacks |= set(missing)
            profile, seeds = "quick", 1
        return [
            [
                train_run.get(self._config(make, seed, profile), self.data)
                for seed in range(self.seed, self.seed + seeds)
            ]
            for make in makers
        ]

    def _finished(self, make: Maker, rescore: bool = True) -> list[Run]:
        """The finished runs of a config, over the seeds of the profile."""
        configs = [self._config(make, seed) for seed in range(self.seed, self.seed + self._seeds())]
        return [run for c in configs if (run := runs.find(c, self.data, rescore=rescore))]

    def _config(self, make: Maker, seed: int, profile: str | None = None) -> Config:
        return make(profile=profile or self.profile, dataset=self.data.name, seed=seed)

    def _seeds(self) -> int:
        return experiments.scale(self.profile, self.data.name).seeds

    def _noted(self, found):
        """What is given: runs, in lists or by name. Those made on the original are noted."""
        values = found.values() if isinstance(found, dict) else found
        for run in (run for some in values for run in _runs(some)):
            if runs.is_on_copy(run, self.data):
                names = self.rescored if runs.is_rescored(run) else self.not_rescored
                names.add(run.config.name)
        return found


def _runs(some: Run | Iterable[Run]) -> list[Run]:
    return [some] if isinstance(some, Run) else list(some)
