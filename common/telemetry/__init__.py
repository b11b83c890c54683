"""What the programs tell about themselves: metrics that are declared once, and traces.

`metrics` is the catalog, `declaring` how a line of it is made, `exposition` the listener that Prometheus asks.
"""
