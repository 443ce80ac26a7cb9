"""`python -m parkgrid_vpp --config vpp.toml`."""

import sys

from parkgrid_vpp.process import main

if __name__ == "__main__":
    sys.exit(main())
