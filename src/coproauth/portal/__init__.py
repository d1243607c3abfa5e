"""The reference portal: pages and forms over a ``Coproauth``, and no rule of its own."""

from coproauth.portal.app import create_portal
from coproauth.portal.desk import Desk
from coproauth.portal.overviews import Document, Overview, Payment

__all__ = ["Desk", "Document", "Overview", "Payment", "create_portal"]
