"""Days on which one act is easily taken for two, or two for one: how often they are made."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Hostile"]


@dataclass(frozen=True)
class Hostile:
    """Shares of what happens on purpose; none of it unless it is asked for.

    Attributes:
        coupons: of rides paid through a wallet: a coupon pays a part, so that wallet and card tell of less than the fare.
        late_clocks: of a wallet's customers, day by day: its clock is some minutes late.
        same_fares: of rides: the rider turns round at the gate and rides back, for the same fare.
        equal_bookings: of utility payments: the same sum is paid again the day after, each booked a day late.
        restated: of keyed rows: the first statement names another scenario, customer, original or place.
        bound_cards: of people with accounts at a wallet and both banks: nothing but its bound cards joins the wallet's.
        bad_phones: of customers whose citizen id is known: the phone beside it is none.
        mergers: of people who are known by one citizen id alone: for some days it is another's, which merges the two.
        repeated_rows: of a bank's rows without a number: the next day's statement holds them once more.
    """

    coupons: float = 0.0
    late_clocks: float = 0.0
    same_fares: float = 0.0
    equal_bookings: float = 0.0
    restated: float = 0.0
    bound_cards: float = 0.0
    bad_phones: float = 0.0
    mergers: float = 0.0
    repeated_rows: float = 0.0

    def __post_init__(self) -> None:
        wrong = {name: share for name, share in vars(self).items() if not 0 <= share <= 1}
        if wrong:
            raise ValueError(f"shares lie between 0 and 1, got {wrong}")
