"""The patients: covariates, correlated random effects, plausibility, and the named random streams everything is drawn from."""
