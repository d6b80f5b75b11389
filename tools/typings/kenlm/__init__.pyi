from enum import IntEnum

class ARPALoadComplain(IntEnum):
    NONE: int

class Config:
    show_progress: bool
    arpa_complain: int

class Model:
    def __init__(self, path: str, config: Config = ...) -> None: ...
    def __contains__(self, word: str) -> bool: ...
    def score(self, sentence: str, bos: bool = True, eos: bool = True) -> float: ...
