"""What is stored about an account or a contact: where, exported, erased, and kept for how long."""

from serving.personal.files import FileRows, erase_files, expired_files, files_about
from serving.personal.stores import Store, stores

__all__ = ["FileRows", "Store", "erase_files", "expired_files", "files_about", "stores"]
