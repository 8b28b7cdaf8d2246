"""The door for other systems. What it decides is in `runtime/ingress.py` and config/systems.yaml; it handles no messages of its own."""

from runtime.actor import Actor


class Ingress(Actor):
    """Lets in what other systems may say, as their own principal, and passes it on confirmed."""

    name = "ingress"
