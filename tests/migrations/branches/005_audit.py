"""Audit trail

Revision ID: e005
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision: str = "e005"
down_revision: str | None = None
branch_labels = ("audit",)
depends_on = "reports"


def upgrade() -> None:
    op.create_table("audit", sa.Column("report_id", sa.Integer, sa.ForeignKey("reports.id")))


def downgrade() -> None:
    op.drop_table("audit")
