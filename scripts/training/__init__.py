"""The parts of `python -m scripts.train`, from the bottom to the top.

worlds     what is driven: our own tasks, or any environment of Gymnasium with anybody's expert
options    the command line
refusals   what cannot work is refused before anything is computed
gating     who takes the wheel in a round of DAgger
folder     what a run has written so far; an interrupted run continues from there
phases     demonstrations, rounds of training, evaluation
"""
