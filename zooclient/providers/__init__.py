"""The zoos: a reference or a query becomes a flow of records. No socket is opened here."""
