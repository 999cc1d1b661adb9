"""A seeded, discrete-event simulation of a whole cluster around the real cores.

Everything outside the core is a model: clocks, network, Consul, guard, neard, chain, operators. One seed, one
schedule, one trace, byte for byte. Times are whole milliseconds of real time unless a name says boot time.
"""
