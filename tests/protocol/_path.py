"""Puts tests/ on the import path, so that a story file runs from anywhere: python3 tests/protocol/FILE.py [WORD …]"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
