"""How messages read: a message and its locale in, subject, text and HTML out; nothing is sent from here."""

from coproauth.mail.email_message import mailbox, to_email_message
from coproauth.mail.rendering import RenderedMail, render

__all__ = ["RenderedMail", "mailbox", "render", "to_email_message"]
