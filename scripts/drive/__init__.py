"""A person at the wheel, in the browser: demonstrate, intervene, look after a fleet, watch.

    page            plain JavaScript; shows the road and sends what the person does
    server          one address for the page and its socket; who may connect
    session         one person: what they do now, what they hear; survives a lost connection
    activities      demonstrate, intervene, fleet, watch: each a function that runs in a thread of its own
    paced           real time: an environment whose steps wait for the tick, and the person as an expert and a gate

The activities call `hw1`: its rollout, its DAgger, its intervention_rollout. They are the student's own.
"""
