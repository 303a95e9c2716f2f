"""What is counted of machines that run (DSP1053): what it means, and what it is now."""

from xencim.providers.metrics import associations, base_metric_definition, base_metric_value

SPECS = (base_metric_definition.SPEC, base_metric_value.SPEC)
ASSOCIATIONS = associations.ASSOCIATIONS
