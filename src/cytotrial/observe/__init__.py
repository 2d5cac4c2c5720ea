"""What the clinic sees: measured findings, grades, adverse events and responses. It knows no equation and takes no decision."""
