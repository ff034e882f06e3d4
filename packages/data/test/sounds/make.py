"""Makes the sounds: pip install soundfile numpy, then run it here. Half a second of 440 Hz at 8 kHz, 0.4 loud; its half on the right."""

import numpy as np
import soundfile as sf

i = np.arange(4000)
mono = (0.4 * np.sin(2 * np.pi * 440 * i / 8000)).astype("f4")
stereo = np.stack([mono, 0.5 * mono], 1)
sf.write("tone.wav", mono, 8000, subtype="PCM_16")
sf.write("tone-24.wav", stereo[:800], 8000, subtype="PCM_24")
sf.write("tone-float.wav", mono[:800], 16000, subtype="FLOAT")
sf.write("tone.flac", stereo, 8000, subtype="PCM_16")
sf.write("tone.ogg", mono, 8000, format="OGG", subtype="VORBIS")
sf.write("tone-opus.ogg", mono, 8000, format="OGG", subtype="OPUS")
sf.write("tone.mp3", mono, 8000, format="MP3")
