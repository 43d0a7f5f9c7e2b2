"""`tanzhang init`: a home for a deployment."""

from __future__ import annotations

from schemas.deliveries import EXPORTS
from schemas.deployment import FILE
from tanzhang import homes
from tanzhang.keys import are_given
from tanzhang.shell import HOME, NewHome, out


def init(home: NewHome = HOME) -> None:
    """Make a home: a folder that its owner alone may enter, with a draft of deployment.yaml. What stands there stays."""
    from schemas import load_registry

    is_new = homes.make(home, load_registry())
    out.print(f"{home} is {'a home now' if is_new else 'a home already'}", soft_wrap=True)
    out.print(f"say in {home / FILE} whom it expects, and put deliveries below {home / EXPORTS}", soft_wrap=True)
    of = "are the environment's" if are_given() else "are made by what needs them first, for made-up people alone"
    out.print(f"keys {of}", soft_wrap=True)
