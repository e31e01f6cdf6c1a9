"""The zoos' own wire protocols, spoken over a folder of models or over a store."""
