"""dicom-node send: a folder of DICOM files to the node, or to another peer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dicom_node.commands.options import Config, settings_of
from dicom_node.errors import ConfigInvalid, NodeError

if TYPE_CHECKING:
    from dicom_node.config import PeerSection, Settings
    from dicom_node.net.scu import OutgoingFile

TIMEOUT_S = 60.0


class NotSent(NodeError):
    """There was nothing to send, or the peer did not accept every file."""


def send(
    folder: Annotated[Path, typer.Argument(help="A folder with DICOM files, at any depth.")],
    to: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where; else to this node.")] = "",
    aet: Annotated[str, typer.Option(help="The AE title to call; else this node's.")] = "",
    calling: Annotated[str, typer.Option(help="The AE title to call as; else this node's.")] = "",
    config: Config = None,
) -> None:
    """Send every DICOM file of a folder to the node, or to another peer."""
    from dicom_node.net.scu import send as send_files

    files = find_files(folder)
    settings = settings_of(config)
    peer = _peer(settings, to, aet)
    our_aet = calling or settings.node.ae_title
    with typer.progressbar(length=len(files), label=f"sending {len(files)} files") as bar:
        statuses = send_files(peer, our_aet, files, TIMEOUT_S, lambda _status: bar.update(1))
    declined = sorted({status for status in statuses if status})
    accepted = statuses.count(0)
    typer.echo(f"{accepted} of {len(files)} files accepted")
    if declined:
        told = ", ".join(f"0x{status:04X}" for status in declined)
        raise NotSent(f"{len(files) - accepted} files were answered with status {told}")


def find_files(folder: Path) -> list[OutgoingFile]:
    """Every DICOM file below `folder`, by path; what is none is passed over.

    Raises
    ------
    NotSent
        There is none.
    """
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    from dicom_node.net.scu import OutgoingFile

    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            meta = read_file_meta_info(path)
            found.append(
                OutgoingFile(
                    path,
                    str(meta.MediaStorageSOPClassUID),
                    str(meta.MediaStorageSOPInstanceUID),
                    str(meta.TransferSyntaxUID),
                )
            )
        except (InvalidDicomError, AttributeError, EOFError):
            continue
    if not found:
        raise NotSent(f"{folder}: holds no DICOM files")
    return found


def _peer(settings: Settings, to: str, aet: str) -> PeerSection:
    from dicom_node.config import PeerSection

    host, colon, port = to.rpartition(":")
    if to and not (host and colon and port.isdecimal()):
        raise ConfigInvalid("--to is HOST:PORT, such as 127.0.0.1:11112")
    return PeerSection(
        ae_title=aet or settings.node.ae_title,
        host=host or settings.receive.host,
        port=int(port) if port else settings.receive.port,
    )
