"""The command line: one module per command. It asks the packages and prints; it computes nothing."""
