"""The models by the longer recipe, one run at a time, until they can take the places in `runs/`.

    FER_DATA=path/to/fer2013.csv python bench/longer.py model2 model1 ...

A run goes into `bench/longer/` under the name and with the config that it will have. The homework's
tables need networks of one recipe, so none of them is read before all of NAMES are there.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from fer_utils.data.dataset import load
from fer_utils.training import campaign, experiments
from fer_utils.training.experiments import Config

NAMES = (*experiments.MODELS, *experiments.WITHOUT, "dense")
SEEDS = {"model1": 1}  # so that it does not begin from model2's weights


def longer(name: str) -> Config:
    """The config of a model by this recipe."""
    profile = experiments.PROFILES["reference"]
    by_recipe = {"reference": replace(profile, models=experiments.LONGER)}
    with patch.dict(experiments.PROFILES, by_recipe):
        config = experiments.model(name, profile="reference", dataset="fer2013", seed=0)
    return replace(config, seed=SEEDS.get(name, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="NAME")
    os.environ["FER_RUNS"] = str(Path(__file__).with_suffix(""))
    dataset = load("fer2013")
    for name in parser.parse_args().names:
        print(campaign.get(longer(name), dataset), flush=True)


if __name__ == "__main__":
    main()
