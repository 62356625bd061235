"""Never returns, and ignores every exception that is raised to stop it."""


def gaussian_nll(mean, log_std, action):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
