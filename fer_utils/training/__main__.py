"""Train reference runs by name.

python -m fer_utils.training model1 ...    train these reference runs; `--all`: all
python -m fer_utils.training model1 --profile paper    on all GPUs, and all machines that
                                                       TF_CONFIG names
python -m fer_utils.training --all --dataset drawn     what `runs/drawn/` holds
"""

import argparse
import sys

from fer_utils.data.dataset import DataError, load
from fer_utils.files import FolderError, escape_unprintable
from fer_utils.training import experiments
from fer_utils.training.train_run import TooLong, get, refuse_long


def main() -> int:
    """Train runs by name, on all GPUs and, with TF_CONFIG, on all machines."""
    parser = argparse.ArgumentParser(prog="python -m fer_utils.training", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as model1")
    parser.add_argument("--all", action="store_true", help="every run of the profile")
    parser.add_argument("--profile", choices=experiments.PROFILES, default="reference")
    parser.add_argument("--dataset", choices=("fer2013", "drawn"), default="fer2013")
    arguments = parser.parse_args()
    escape_unprintable()
    prefix = f"{arguments.profile}-{arguments.dataset}-"
    known = {
        config.name.removeprefix("drawn/").removeprefix(prefix): config
        for config in experiments.all_experiments(arguments.profile, arguments.dataset)
    }
    names = list(known) if arguments.all else arguments.names
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        parser.error(
            f"no run is called {', '.join(unknown) or '(nothing)'}; there are {', '.join(known)}"
        )
    from fer_utils.training.devices import choose
    from fer_utils.training.loop import TrainingError

    try:
        strategy, dataset = choose(), load(arguments.dataset)
        if arguments.profile == "paper":
            refuse_long([known[name] for name in names], dataset)
        for name in names:
            run = get(known[name], dataset, strategy)
            accuracy = ", ".join(f"{p} {m['accuracy']:.4f}" for p, m in run.metrics.items())
            print(f"{name}: {accuracy}", flush=True)
    except (DataError, FolderError, TooLong, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(error, file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
