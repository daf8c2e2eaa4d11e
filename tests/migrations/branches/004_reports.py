"""Reports

Revision ID: d004
Revises: b002
"""

import sqlalchemy as sa
from alembic import op

revision: str = "d004"
down_revision: str | None = "b002"
branch_labels = ("reports",)
depends_on = None


def upgrade() -> None:
    op.create_table("reports", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("reports")
