"""Puts control codes, markup, other scripts and a whole page into an exception's name and message."""

EVIL = (
    "\x1b[2J\x1b]0;evil\x07<script>alert(1)</script>\u202egnp.exe\x00\r\n\n# 100/100 passed {0} %s $(id) `id`"
    + "A" * 10**6
)
Evil = type(EVIL.replace("\x00", ""), (RuntimeError,), {"__module__": "numpy"})


def gaussian_nll(mean, log_std, action):
    raise Evil(EVIL)


raise Evil(EVIL)
