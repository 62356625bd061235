"""The autograder: all that judges, the same code for a student's laptop and for the server.

    probes            what is asked: small functions that run a student's code on drawn inputs and return arrays
    worker            runs probes on the student's code, in a process of its own
    wire              carries inputs there and arrays back; nothing else crosses
    runner            starts workers and asks them, within time limits
    judge             compares the arrays with the expected ones, and finds which known mistake they show
    oracle            where the expected arrays come from: a stored snapshot, or the reference, live
    compare           is an array what it should be, and if not, how does it differ?
    report            tables of results
    intake            takes the student's four files out of what was handed in

The process that judges never imports a student's code. This package imports `hw1` and nothing else of the homework.
"""

import hw1  # noqa: F401 (one thread for BLAS, which must be set before numpy is imported)
