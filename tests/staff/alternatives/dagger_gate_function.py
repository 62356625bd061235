"""The uncertainty gate as a class of its own, without inheritance."""


def uncertainty_gate(ensemble, threshold):
    class Gate:
        def reset(self, seed):
            for member in ensemble:
                getattr(member, "reset", lambda seed: None)(seed)

        def doubt(self, obs):
            answers = [member(obs) for member in ensemble]
            centre = np.mean(answers, axis=0)
            return np.sqrt(np.mean(np.square(np.subtract(answers, centre)), axis=0)).max(axis=1)

        def __call__(self, obs, state, expert_drives):
            return np.logical_not(self.doubt(obs) <= threshold)

    return Gate()
