"""The runs by the longer recipe, one at a time, until they can take the places in `runs/`.

    FER_RUNS=~/longer FER_DATA=path/to/fer2013.csv PYTHONPATH=. python bench/longer.py model1 ...

A run gets the name and the config that it will have. What is finished is copied into
`bench/longer/`, without its weights. The homework's tables need networks of one recipe, so none of
them is read before all of NAMES are there.
"""

import argparse
import os
from dataclasses import replace
from unittest.mock import patch

from fer_utils.data.dataset import load
from fer_utils.training import campaign, experiments
from fer_utils.training.experiments import PASS, Config

#: Passes over images of 24 x 24 and of 48 x 48 pixels, where they are more than in `runs/`.
PASSES = {
    **dict.fromkeys(("member1", "member2", "member3", "member4"), (48, 28)),
    "student-compact": (90, 60),
}
#: The three models begin apart, the networks of the table of normalisation together.
SEEDS = {"model0": 2, **dict.fromkeys(experiments.WITHOUT, 2), "model1": 1}
NAMES = (*experiments.MODELS, *experiments.WITHOUT, "dense", *PASSES)
NAMES += ("student-tiny", "model2-distilled")


def longer(name: str) -> Config:
    """The config of a run by this recipe."""
    profile = experiments.PROFILES["reference"]
    by_recipe = {"reference": replace(profile, models=experiments.LONGER)}
    with patch.dict(experiments.PROFILES, by_recipe):
        config = {each.name: each for each in experiments.campaign("reference")}[name]
    config = replace(config, seed=SEEDS.get(name, config.seed))
    if name in PASSES:
        phases = zip(config.phases, PASSES[name], strict=True)
        phases = tuple(replace(phase, steps=passes * PASS) for phase, passes in phases)
        config = replace(config, phases=phases)
    return config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="NAME")
    names = parser.parse_args().names
    if not os.environ.get("FER_RUNS"):
        parser.error("FER_RUNS must name a folder of its own: runs/ has other runs of these names")
    dataset = load("fer2013")
    for name in names:
        print(campaign.get(longer(name), dataset), flush=True)


if __name__ == "__main__":
    main()
