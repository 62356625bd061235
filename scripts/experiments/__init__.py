"""The experiments of the homework: what is run, what it must show, and how it is drawn."""
