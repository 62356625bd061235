"""The autograder: everything that judges, with the same code on a student's laptop and on the server.

    probes            the checks: small functions that run a student's code on random inputs and return arrays
    worker            runs probes on the student's code, in a separate process
    home              the private folder in which it does so, which looks like the release
    server            the rules for students' code, here and there: what can be imported, what is not permitted
    wire              sends inputs to the worker and arrays back; nothing else passes
    runner            starts workers and sends them probes, within time limits
    judge             compares the arrays with the expected ones and looks for a known mistake that explains them
    oracle            the source of the expected arrays: a stored snapshot, or the reference solution
    originals         the given files as they were released, and which were edited since
    compare           whether an array is right, and if not, how it differs
    unanswered        why there is no answer: an exception, a wrong form, a missing file
    discreet          what the server may say about hidden inputs: sentences that can be counted
    report            tables of results
    intake            takes the student's four files out of a submission
    containers        reads a folder or a zip, within limits
    source            the encoding of a student's file, as Python reads it

The judging process never imports a student's code. This package imports `hw1` and nothing else of the homework.
"""

import hw1  # noqa: F401 (one thread for BLAS, which must be set before numpy is imported)
