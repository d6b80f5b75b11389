from typing import Any

class Continuous:
    def ppf(self, q: float, *shape: float) -> float: ...
    def sf(self, x: float, *shape: float) -> float: ...

norm: Continuous
t: Continuous

def __getattr__(name: str) -> Any: ...
