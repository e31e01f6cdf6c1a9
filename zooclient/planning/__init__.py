"""Record + wishes + what is held → plan. Pure: no file, no socket, no clock."""

from zooclient.planning.build import build_plan, select

__all__ = ["build_plan", "select"]
