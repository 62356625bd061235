"""How a scripted person steers, by what the page is told of a car."""


def steering(car: dict) -> float:
    """Follows the bend and returns to the centre; in [-1, 1]."""
    road, here = car["road"], car["s"] - car["road"]["s0"]

    def heading(ahead: float) -> float:
        return road["heading"][min(round((here + ahead) / road["ds"]), len(road["heading"]) - 1)]

    bend = (heading(5) - heading(1)) / 4
    return max(-1.0, min(1.0, 5.2 * bend - 0.3 * car["e"] - 1.2 * car["psi"]))
