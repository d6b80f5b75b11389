"""Time and quality of ways to bring sound to 16 kHz; the choice in audio/reading.py rests on it.

    python benchmarks/resampling.py [--seconds 5] [--repetitions 20]

Milliseconds: the fastest repetition on white noise, one thread. Pass band: the largest error of 15
tones from 50 Hz to 7 kHz (3.5 kHz from 8 kHz), relative to the tone, with droop and images in it.
Fold: what is left of the strongest of five tones from 9 to 12 kHz, which 16 kHz cannot hold.

Of those compared, libsoxr alone also keeps its state between the blocks of a stream.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import cache

import numpy as np
import soxr
import torch
from rich.console import Console
from scipy.signal import firwin, resample_poly

from nlpcl.core import torchaudio_import
from nlpcl.core.tables import Table

torchaudio_import.prepare()

WANTED = 16_000
RATES = (48_000, 44_100, 22_050, 8_000)
EDGE = 2_000
"""Samples at either end that do not count, where every filter sees silence beyond the sound."""
SHARP = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}
"""librosa's ``kaiser_best``, as torchaudio's documentation gives it."""
Resampler = Callable[[np.ndarray, int], np.ndarray]


def with_torchaudio(**options: float | str) -> Resampler:
    """A windowed sinc, torchaudio's own or another one."""
    from torchaudio.functional import resample

    def changed(sound: np.ndarray, rate: int) -> np.ndarray:
        return resample(torch.from_numpy(sound), rate, WANTED, **options).numpy()

    return changed


@cache
def kaiser(longest: int, crossings: int) -> np.ndarray:
    """A low-pass filter of so many zero crossings on each side, 100 dB down."""
    taps = 2 * crossings * longest + 1
    return firwin(taps, 0.96 / longest, window=("kaiser", 9.0)).astype(np.float32)


def with_scipy(crossings: int | None) -> Resampler:
    """A polyphase filter, scipy's own or a longer one."""

    def changed(sound: np.ndarray, rate: int) -> np.ndarray:
        divisor = math.gcd(rate, WANTED)
        up, down = WANTED // divisor, rate // divisor
        if crossings is None:
            return resample_poly(sound, up, down)
        return resample_poly(sound, up, down, window=kaiser(max(up, down), crossings))

    return changed


def with_soxr(quality: str) -> Resampler:
    """One of libsoxr's qualities."""
    return lambda sound, rate: soxr.resample(sound, rate, WANTED, quality)


def tone(hertz: float, rate: int, samples: int) -> np.ndarray:
    """A sine of amplitude 1."""
    return np.sin(2 * np.pi * hertz * np.arange(samples) / rate + 0.3).astype(np.float32)


def decibels(sound: np.ndarray) -> float:
    """Root mean square relative to that of a sine of amplitude 1."""
    power = 2 * np.mean(np.square(sound[EDGE:-EDGE], dtype=np.float64))
    return 10 * math.log10(max(power, 1e-30))


def pass_band(resample: Resampler, rate: int, samples: int) -> float:
    """The largest error of tones that should come through, in dB."""
    errors = []
    for hertz in np.linspace(50, min(7_000, 0.4375 * rate), 15):
        given = resample(tone(hertz, rate, samples), rate)
        errors.append(decibels(given - tone(hertz, WANTED, len(given))))
    return max(errors)


def fold(resample: Resampler, rate: int, samples: int) -> float | None:
    """The strongest rest of tones that should vanish, in dB; None where a file cannot hold them."""
    held = [hertz for hertz in (9_000, 9_500, 10_000, 11_000, 12_000) if hertz < rate / 2]
    rests = [decibels(resample(tone(hertz, rate, samples), rate)) for hertz in held]
    return max(rests, default=None)


def milliseconds(resample: Resampler, rate: int, samples: int, repetitions: int) -> float:
    """The fastest of several runs on noise."""
    sound = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    resample(sound, rate)
    times = []
    for _ in range(repetitions):
        begun = time.perf_counter()
        resample(sound, rate)
        times.append(time.perf_counter() - begun)
    return 1e3 * min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repetitions", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    resamplers = {
        "torchaudio": with_torchaudio(),
        "torchaudio, Kaiser, 64 crossings": with_torchaudio(**SHARP),
        "scipy": with_scipy(None),
        "scipy, Kaiser, 48 crossings": with_scipy(48),
        "soxr HQ": with_soxr("HQ"),
        "soxr VHQ": with_soxr("VHQ"),
    }
    rows = []
    for rate in RATES:
        samples = round(arguments.seconds * rate)
        for name, resample in resamplers.items():
            taken = milliseconds(resample, rate, samples, arguments.repetitions)
            quality = pass_band(resample, rate, samples), fold(resample, rate, samples)
            rows.append([name, rate, taken, *quality])
    title = (
        f"{arguments.seconds:g} s to 16 kHz, one thread, fastest of {arguments.repetitions} "
        "repetitions"
    )
    columns = ["resampler", "from (Hz)", "time (ms)", "pass band (dB)", "fold (dB)"]
    Console(width=110).print(Table("resampling", columns, rows, title=title).as_rich())


if __name__ == "__main__":
    main()
