"""HW1, imitation learning. Read it in this order; it is the lecture in code.

demos -> losses -> heads -> policy -> bc -> rollout -> compounding -> dagger
"""
