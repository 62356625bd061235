"""Doubt in loops over states and dimensions; the gate builds a list."""


class UncertaintyGate(UncertaintyGate):
    def doubt(self, obs):
        result = []
        for row in obs:
            answers = [np.asarray(member(row[None]), dtype=np.float64)[0] for member in self.ensemble]
            worst = 0.0
            for a in range(len(answers[0])):
                values = [answer[a] for answer in answers]
                mean = sum(values) / len(values)
                worst = max(worst, (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5)
            result.append(worst)
        return np.array(result)

    def __call__(self, obs, state, expert_drives):
        return np.array([bool(doubt > self.threshold) for doubt in self.doubt(obs)])
