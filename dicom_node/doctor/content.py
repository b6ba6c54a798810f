"""Checks that what the node works with is whole: database, audit trail, rules, weights."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dicom_node.doctor.finding import Finding
from dicom_node.routing.check import check_rules
from dicom_node.rulebook import known_names
from dicom_node.witness import proof_of
from pipelines.errors import PipelineError
from pipelines.registry import load_cards
from storage.db import schema
from storage.db.engine import Database
from storage.db.unavailable import DATABASE_UNUSABLE
from storage.errors import AuditBroken, KeyUnusable, SchemaMismatch
from storage.verification import examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dicom_node.config import Settings
    from pipelines.models.card import ModelCard


def check(settings: Settings) -> Iterator[Finding]:
    """Every check of what is kept and what is shipped."""
    yield from check_database(settings)
    try:
        cards = load_cards()
    except PipelineError as error:
        yield Finding("model cards", ok=False, text=str(error))
        return
    yield check_rule_folder(settings)
    yield check_weights(cards)


def check_database(settings: Settings) -> Iterator[Finding]:
    """Whether the database answers, has our schema, and its audit trail verifies."""
    file = settings.database_file
    if file and not file.exists():  # opening it would make it
        yield Finding("database", ok=True, text="none yet: it is made at the first start")
        return
    try:
        db = Database(settings.database_url)
    except ImportError:
        text = "PostgreSQL needs its driver: pip install 'dicom-node[cluster]'"
        yield Finding("database", ok=False, text=text)
        return
    except DATABASE_UNUSABLE:
        yield Finding("database", ok=False, text="[database] url is no address of a database")
        return
    try:
        schema.check(db)
        kind = "SQLite" if db.is_sqlite else "PostgreSQL"
        yield Finding("database", ok=True, text=f"{kind}, schema is this program's")
        head = settings.node.data_folder / "audit.head"
        rows = examine(db, head, proof_of(settings)).rows
        yield Finding("audit", ok=True, text=f"{rows} rows verified, none missing")
    except SchemaMismatch as error:
        yield Finding("database", ok=False, text=str(error))
    except (AuditBroken, KeyUnusable) as error:
        yield Finding("audit", ok=False, text=str(error))
    except DATABASE_UNUSABLE:
        text = "cannot be read: check [database] url, the server, the file and its rights"
        yield Finding("database", ok=False, text=text)
    finally:
        db.close()


def check_rule_folder(settings: Settings) -> Finding:
    """Whether the rules load and the tests beside them pass; the first mistake if not."""
    checked = check_rules(settings.rules.folder, known_names(settings))
    whose = settings.rules.folder or "shipped"
    if checked.mistakes:
        more = f" (and {len(checked.mistakes) - 1} more)" if len(checked.mistakes) > 1 else ""
        return Finding("rules", ok=False, text=f"{whose}: {checked.mistakes[0]}{more}")
    text = f"{whose}: {len(checked.rules.rules)} rules, {checked.passed} tests passed"
    return Finding("rules", ok=True, text=text)


def check_weights(cards: Mapping[str, ModelCard]) -> Finding:
    """Whether every network's weights are there and are those that its card was measured with."""
    right, wrong = [], []
    for card in cards.values():
        path = card.weights_path
        if card.weights is None or path is None:
            continue
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            wrong.append(f"{path.name}: {error.strerror}")
            continue
        if digest == card.weights.sha256:
            right.append(path.name)
        else:
            wrong.append(f"{path.name}: not the file that the card {card.name} names")
    if wrong:
        text = "; ".join(wrong) + "; pip install --force-reinstall dicom-node"
        return Finding("weights", ok=False, text=text)
    return Finding("weights", ok=True, text=f"{len(right)} files with the right hash")
