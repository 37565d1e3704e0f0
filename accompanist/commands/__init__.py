"""The sub-commands of `accompanist`, one module each; what they do lives in the rooms below."""
