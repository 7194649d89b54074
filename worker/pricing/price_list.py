"""What Google asks for speech, and how much it gives for nothing; by https://cloud.google.com/text-to-speech/pricing."""

from typing import Final

DOLLARS_A_CHARACTER: Final = {"chirp3-hd": 30 / 1e6, "wavenet": 4 / 1e6}
"""List prices without the free tier, by voice model, 2026."""
FREE_CHARACTERS: Final = {"chirp3-hd": 1_000_000, "wavenet": 4_000_000}
"""A month and billing account, by voice model, 2026."""
REQUESTS_A_MINUTE: Final = {"chirp3-hd": 200, "wavenet": 1000}
"""Google's default quotas, of each project; WaveNet's is that of all voices together."""
