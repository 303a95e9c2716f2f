"""The services of the host and their capabilities."""

from xencim.providers.host.services import (
    console_redirection_service,
    console_redirection_service_capabilities,
    resource_pool_configuration_capabilities,
    resource_pool_configuration_service,
    text_redirection_service,
    virtual_system_management_capabilities,
    virtual_system_management_service,
    virtual_system_migration_capabilities,
    virtual_system_migration_service,
    virtual_system_migration_setting_data,
    virtual_system_snapshot_service,
    virtual_system_snapshot_service_capabilities,
    virtual_system_snapshot_setting_data,
)

SERVICES = (
    virtual_system_management_service.SPEC,
    resource_pool_configuration_service.SPEC,
    virtual_system_migration_service.SPEC,
    virtual_system_snapshot_service.SPEC,
    console_redirection_service.SPEC,
    text_redirection_service.SPEC,
)

SPECS = (
    *SERVICES,
    virtual_system_management_capabilities.SPEC,
    resource_pool_configuration_capabilities.SPEC,
    virtual_system_migration_capabilities.SPEC,
    virtual_system_migration_setting_data.SPEC,
    virtual_system_snapshot_service_capabilities.SPEC,
    virtual_system_snapshot_setting_data.SPEC,
    console_redirection_service_capabilities.SPEC,
)
