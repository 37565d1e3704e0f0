"""The sub-commands of `accompanist` that train."""
