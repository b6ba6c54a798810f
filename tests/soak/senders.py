"""dcmtk's storescu under way, and what its own log says of each file that it sent."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.soak.images import Sent
from tests.tools import program

# storescu names a file, sends it, waits for the answer and logs it, one after the other. It writes
# each line when it has happened, and is never killed here: what its log says is what it was told.
_LINES = re.compile(r"Sending file: (?P<path>.+)|Received Store Response \((?P<status>[^)]*)\)")
ENDS_WITHIN_S = 60.0


@dataclass
class Sender:
    """One storescu with its images and its log."""

    images: Sequence[Sent]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def sockets(self) -> set[int]:
        """Inodes of the sockets that it holds."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        try:
            links = [str(entry.readlink()) for entry in folder.iterdir()]
        except OSError:
            return set()  # it has ended meanwhile
        return {int(link[8:-1]) for link in links if link.startswith("socket:[")}

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def is_unanswered(self) -> bool:
        """Whether it ended without the answer to the last message that it began."""
        begun = _LINES.findall(self.log.read_text(errors="replace"))
        return bool(begun) and bool(begun[-1][0])

    def acknowledged(self) -> list[Sent]:
        """The images that it was told are stored, once it has ended."""
        self.process.wait(ENDS_WITHIN_S)
        by_path = {str(image.path): image for image in self.images}
        found, current = [], None
        for line in _LINES.finditer(self.log.read_text(errors="replace")):
            if line["path"]:
                current = by_path[line["path"]]
            elif current is not None:
                assert line["status"] == "Success", f"{line['status']} for {current.kind}"
                found.append(current)
                current = None
        return found

    def end(self) -> None:
        if self.runs:
            self.process.kill()
        self.process.wait()


def start_sender(port: int, images: Sequence[Sent], log: Path) -> Sender:
    """A storescu as it is installed, on its way with the images."""
    command = [program("storescu", package="dcmtk"), "-v", "-aec", "DICOM_NODE", "-R"]
    command += ["127.0.0.1", str(port), *(str(image.path) for image in images)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    return Sender(images, process, log)
