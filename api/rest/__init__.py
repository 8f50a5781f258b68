"""The handlers as JSON over HTTP: the paths of the contract's ``google.api.http`` annotations, answered in process."""
