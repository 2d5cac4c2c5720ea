"""The notice that stands in the help and under every run."""

NOTICE = "For research and teaching. Not a medical device: not for decisions about any patient."
SIMULATED = "SIMULATED: no row of any table is a patient."
