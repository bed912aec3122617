import sys

from fer_utils.predict.command import main

sys.exit(main())
