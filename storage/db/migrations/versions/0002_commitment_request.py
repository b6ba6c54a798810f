"""Storage commitment: what peers ask, and what became of the answer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of commitment requests."""
    op.create_table('commitment_request',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('calling_aet', sa.String(length=16), nullable=False),
    sa.Column('called_aet', sa.String(length=16), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('transaction_uid', sa.String(length=64), nullable=False),
    sa.Column('instances', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('run_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('safe', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_commitment_request')),
    sa.UniqueConstraint(
        'calling_aet', 'transaction_uid', name=op.f('uq_commitment_request_calling_aet')
    ),
    sqlite_autoincrement=True
    )
    op.create_index(
        op.f('ix_commitment_request_state'), 'commitment_request', ['state'], unique=False
    )
