"""Add webhooks table

Revision ID: b002
Revises: a001
"""

import sqlalchemy as sa
from alembic import op

revision = "b002"
down_revision = "a001"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "webhook_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", ondelete="CASCADE")),
    )
    # A comment that says DROP TABLE users destroys nothing.
    op.execute("CREATE INDEX webhook_user ON webhook_events (user_id)")


def downgrade():
    op.drop_index("webhook_user")
    op.drop_table("webhook_events")
