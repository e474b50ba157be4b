from .plugin import SealedLabels
