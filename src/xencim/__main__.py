"""`python -m xencim` is the `xencim` command."""

import sys

from xencim.cimom_glue.cli.main import main

sys.exit(main())
