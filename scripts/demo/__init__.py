"""The parts of the demo (`scripts.figures`): what is drawn and judged, and the page that shows it.

present    claims and figures of an experiment, as far as its jobs could be run
page       out/index.html
"""
