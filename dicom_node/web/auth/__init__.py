"""Who may see and do what: accounts, logging in, login sessions, roles."""

from dicom_node.web.auth.first_admin import first_admin_link

__all__ = ["first_admin_link"]
