"""`python -m xencim.cimom_glue.cli.reference` writes the pages."""

import sys

from xencim.cimom_glue.cli.reference.pages import main

sys.exit(main())
