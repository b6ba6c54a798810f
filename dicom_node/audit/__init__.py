"""The audit trail told to audit repositories: DICOM PS3.15 A.5 messages by syslog.

The trail itself (`storage.audit`) is the spool: its rows stay, and each repository has a position.
"""
