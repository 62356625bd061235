"""How answers are judged: the same code for a student's laptop and for the server.

    tests/probes      what is asked: small functions that run a student's code on drawn inputs and return arrays
    worker            runs probes on the student's code, in a process of its own
    wire              carries inputs there and arrays back; nothing else crosses
    judge             compares the arrays with the expected ones, and says which known mistake they show
    oracle            where the expected arrays come from: a stored snapshot, or the reference, live
    report            tables and results.json

The process that judges never imports a student's code.
"""
