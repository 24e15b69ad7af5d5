"""The command line, reports and explanations."""
