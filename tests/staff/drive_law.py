"""How a scripted person steers, by what the page is told of a car."""


def law(bend: float, e: float, psi: float, back: float) -> float:
    """Steering that follows a bend and returns to the centre, the faster the larger `back`."""
    return 5.2 * bend - back * e - 1.2 * psi


def steering(car: dict) -> float:
    """Follows the bend and returns to the centre; in [-1, 1]."""
    road, here = car["road"], car["s"] - car["road"]["s0"]

    def heading(ahead: float) -> float:
        return road["heading"][min(round((here + ahead) / road["ds"]), len(road["heading"]) - 1)]

    bend = (heading(5) - heading(1)) / 4
    return max(-1.0, min(1.0, law(bend, car["e"], car["psi"], back=0.3)))
