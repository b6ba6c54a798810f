"""What OHIF, a viewer in the browser, makes of a segmentation: its reader run by Node.js.

The reader is installed once, from the npm registry, into the user's cache folder.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.tools import absent, program

_RECIPE = Path(__file__).parent / "ohif_reader"
_SCRIPT = "read_seg"


def count_voxels(seg: Path, sources: Iterable[Path]) -> dict[int, int]:
    """Voxels of each segment, by its number, in all layers that OHIF would show."""
    command = [program("node", package="nodejs"), _reader(), seg, *sources]
    done = subprocess.run(map(str, command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts: Counter[int] = Counter()
    for layer in json.loads(done.stdout.strip().splitlines()[-1]):
        counts.update({int(number): voxels for number, voxels in layer.items()})
    return dict(counts)


@functools.cache
def _reader() -> Path:
    """The reader as one script, built where the cache has none of this recipe."""
    recipe = sorted(path for path in _RECIPE.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in recipe)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dicom-node-tests"
    built = cache / f"ohif-{digest}.cjs"
    if not built.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            for path in recipe:
                shutil.copy(path, folder)
            _build(Path(folder)).replace(built)
    return built


def _build(folder: Path) -> Path:
    install = [program("npm", package="npm"), "install", "--no-audit", "--no-fund", "--silent"]
    bundle = ["node_modules/.bin/esbuild", f"{_SCRIPT}.mjs", "--bundle", "--platform=node",
              "--format=cjs", "--loader:.wasm=file", f"--outfile={_SCRIPT}.cjs"]  # fmt: skip
    if subprocess.run(install, cwd=folder, capture_output=True, check=False).returncode:
        absent("OHIF's reader is not installed, and npm cannot install it")
    done = subprocess.run(bundle, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / f"{_SCRIPT}.cjs"
