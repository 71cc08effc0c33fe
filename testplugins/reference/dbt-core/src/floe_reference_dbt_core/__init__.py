"""dbt for floe: dbt-core in this process, on the compute plugin's database."""

from floe_reference_dbt_core.plugin import DbtConfig, DbtCore

__all__ = ["DbtConfig", "DbtCore"]
