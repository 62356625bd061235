"""Never comes back, and swallows whatever is raised to make it."""


def gaussian_nll(mean, log_std, action):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
