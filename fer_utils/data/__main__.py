"""`python -m fer_utils.data [PATH]`: which data set is found, or what is wrong with it."""

import sys

from fer_utils.data.dataset import main

sys.exit(main())
