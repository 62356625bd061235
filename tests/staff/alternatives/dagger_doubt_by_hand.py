"""Doubt in loops over states and dimensions; the gate builds a list."""


class UncertaintyGate(UncertaintyGate):
    def doubt(self, obs):
        result = []
        for answers in zip(*[np.asarray(member(obs), dtype=np.float64) for member in self.ensemble], strict=True):
            worst = 0.0
            for a in range(len(answers[0])):
                values = [answer[a] for answer in answers]
                mean = sum(values) / len(values)
                worst = max(worst, (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5)
            result.append(worst)
        return np.array(result)

    def __call__(self, obs, state, expert_drives):
        threshold = np.broadcast_to(self.threshold, len(obs))
        return np.array([bool(doubt > limit) for doubt, limit in zip(self.doubt(obs), threshold, strict=True)])
