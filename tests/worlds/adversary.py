"""placeholder"""


def act(traffic, builder):
    """Nothing yet."""
