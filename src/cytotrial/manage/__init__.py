"""What the clinic does: rules as data, decisions on each dose, and the ledger of what was given. It knows no equation."""
