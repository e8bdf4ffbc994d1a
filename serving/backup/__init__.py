"""A project in one file, taken while it is in use, and a project made of such a file."""

from serving.backup.archive import Manifest
from serving.backup.backup import BackedUp, backup
from serving.backup.restore import Restored, restore

__all__ = ["BackedUp", "Manifest", "Restored", "backup", "restore"]
