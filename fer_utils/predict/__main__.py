"""`python -m fer_utils.predict`: the same as `fer-predict`."""

import sys

from fer_utils.predict.command import main

sys.exit(main())
