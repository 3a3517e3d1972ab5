from sensor.core.bounded import Bounded

class KnownMessages:
    known: Bounded[int, tuple[object, ...]]
