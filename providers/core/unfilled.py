"""Why properties stay NULL: one reason per property of a DMTF class, for all classes that inherit it.

Where a reason is true of one class only, it stands in that class's spec (`ClassSpec.unfilled`) and
goes before the ones here. The reference documentation prints them; a test fails on a property that
is neither filled nor explained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.model import PropertyDecl
    from xencim.providers.core.spec import AssocSpec, ClassSpec

_DEPRECATED = "deprecated by the schema, which names what stands in its place"
_NOT_TOLD = "no hypervisor tells it"
_ADMINISTRATIVE = "the server keeps no notes of an administrator"
_FILES = "hypervisors name no files of a definition"
_ORDER = "hypervisors start machines in an order of their own, without delay"
_VIRTUAL = "it describes a physical part; a virtual one has no such thing"

# Deprecated is not inherited (its flavour is Restricted), so a subclass's property does not show it.
_DEPRECATED_PROPERTIES = {
    "CIM_ManagedSystemElement": ("Status",),
    "CIM_ComputerSystem": ("PowerManagementCapabilities",),
    "CIM_LogicalDevice": (
        "PowerManagementSupported",
        "PowerManagementCapabilities",
        "Availability",
        "StatusInfo",
        "LastErrorCode",
        "ErrorDescription",
        "ErrorCleared",
        "PowerOnHours",
        "TotalPowerOnHours",
        "MaxQuiesceTime",
    ),
    "CIM_Memory": (
        "ErrorInfo",
        "OtherErrorDescription",
        "CorrectableError",
        "ErrorTime",
        "ErrorAccess",
        "ErrorTransferSize",
        "ErrorData",
        "ErrorDataOrder",
        "ErrorAddress",
        "SystemLevelAddress",
        "ErrorResolution",
        "AdditionalErrorData",
    ),
    "CIM_NetworkPort": ("OtherNetworkPortType",),
}

# Keyed by the class that first declares the property.
REASONS: Mapping[str, str] = {
    **{f"{origin}.{name}": _DEPRECATED for origin, names in _DEPRECATED_PROPERTIES.items() for name in names},
    # Core
    "CIM_ManagedElement.InstanceID": "the class has keys of its own",
    "CIM_ManagedElement.Generation": "records are compared, not counted",
    "CIM_ManagedSystemElement.InstallDate": _NOT_TOLD,
    "CIM_AllocatedLogicalElement.AllocationState": "DSP1041 expresses allocation by associations to pools",
    "CIM_EnabledLogicalElement.OtherEnabledState": "EnabledState is never Other",
    "CIM_EnabledLogicalElement.TimeOfLastStateChange": "hypervisors tell what a state is, not since when",
    "CIM_EnabledLogicalElement.AvailableRequestedStates": "the element has no RequestStateChange of its own",
    "CIM_LogicalDevice.LocationIndicator": _VIRTUAL,
    "CIM_LogicalDevice.AdditionalAvailability": "it qualifies Availability, which the schema deprecates",
    "CIM_LogicalDevice.OtherIdentifyingInfo": "the device has no identifier but its DeviceID",
    "CIM_LogicalDevice.IdentifyingDescriptions": "the device has no identifier but its DeviceID",
    "CIM_System.PrimaryOwnerName": _ADMINISTRATIVE,
    "CIM_System.PrimaryOwnerContact": _ADMINISTRATIVE,
    "CIM_System.Roles": _ADMINISTRATIVE,
    "CIM_ComputerSystem.OtherDedicatedDescriptions": "Dedicated is never Other",
    # Settings
    "CIM_SettingData.ConfigurationName": "definitions have no name of their own",
    "CIM_SettingData.ComponentSetting": "settings are joined by associations, not embedded",
    "CIM_SettingData.SoID": "the settings follow no scheme of another organization",
    "CIM_SettingData.SoOrgID": "the settings follow no scheme of another organization",
    "CIM_ResourceAllocationSettingData.HostResource": "what is taken from the host is no instance here",
    "CIM_ResourceAllocationSettingData.Parent": "definitions do not nest resources",
    "CIM_ResourceAllocationSettingData.AddressOnParent": "definitions do not nest resources",
    "CIM_ResourceAllocationSettingData.Connection": "the resource is connected to nothing",
    "CIM_ResourceAllocationSettingData.Address": "the resource has no address in its definition",
    "CIM_ResourceAllocationSettingData.MappingBehavior": "the hypervisor maps the resource as it likes",
    "CIM_ResourceAllocationSettingData.OtherResourceType": "ResourceType is not Other",
    "CIM_ResourceAllocationSettingData.ResourceSubType": "the resource comes in one kind only",
    "CIM_ResourceAllocationSettingData.Reservation": "nothing is guaranteed",
    "CIM_ResourceAllocationSettingData.Limit": "nothing is limited",
    "CIM_ResourceAllocationSettingData.Weight": "the hypervisor does not share this resource by weight",
    "CIM_ResourceAllocationSettingData.AllocationUnits": "there is no reservation or limit to count",
    "CIM_VirtualSystemSettingData.CreationTime": _NOT_TOLD,
    "CIM_VirtualSystemSettingData.ConfigurationID": "UUID tells the machine; a definition has no other",
    "CIM_VirtualSystemSettingData.ConfigurationDataRoot": _FILES,
    "CIM_VirtualSystemSettingData.ConfigurationFile": _FILES,
    "CIM_VirtualSystemSettingData.SnapshotDataRoot": _FILES,
    "CIM_VirtualSystemSettingData.SuspendDataRoot": _FILES,
    "CIM_VirtualSystemSettingData.LogDataRoot": _FILES,
    "CIM_VirtualSystemSettingData.RecoveryFile": "recovery starts a machine anew, from no file",
    "CIM_VirtualSystemSettingData.SwapFileDataRoot": "the host swaps machines' memory like any other",
    "CIM_VirtualSystemSettingData.AutomaticStartupActionDelay": _ORDER,
    "CIM_VirtualSystemSettingData.AutomaticStartupActionSequenceNumber": _ORDER,
    "CIM_VirtualSystemSettingData.AutomaticShutdownAction": "no definition tells it: the host decides",
    # Devices
    "CIM_StorageExtent.ErrorMethodology": _VIRTUAL,
    "CIM_StorageExtent.DataRedundancy": _NOT_TOLD,
    "CIM_StorageExtent.PackageRedundancy": _NOT_TOLD,
    "CIM_StorageExtent.NoSinglePointOfFailure": _NOT_TOLD,
    "CIM_StorageExtent.IsBasedOnUnderlyingRedundancy": _NOT_TOLD,
    "CIM_StorageExtent.DeltaReservation": _NOT_TOLD,
    "CIM_StorageExtent.ExtentStatus": _NOT_TOLD,
    "CIM_StorageExtent.ExtentInterleaveDepth": _NOT_TOLD,
    "CIM_StorageExtent.ExtentStripeLength": _NOT_TOLD,
    "CIM_StorageExtent.ExtentDiscriminator": "only storage profiles that are not conformed to define it",
    "CIM_StorageExtent.Usage": "only storage profiles that are not conformed to define it",
    "CIM_StorageExtent.OtherUsageDescription": "Usage is not filled",
    "CIM_StorageExtent.ClientSettableUsage": "Usage is not filled",
    "CIM_StorageExtent.CompressionRate": _NOT_TOLD,
    "CIM_StorageExtent.CompressionState": _NOT_TOLD,
    "CIM_StorageExtent.IsCompressed": _NOT_TOLD,
    "CIM_StorageExtent.IsComposite": _NOT_TOLD,
    "CIM_StorageExtent.IsConcatenated": _NOT_TOLD,
    "CIM_StorageExtent.NameFormat": "the name follows none of these formats",
    "CIM_StorageExtent.NameNamespace": "the name follows none of these formats",
    "CIM_StorageExtent.OtherNameFormat": "NameFormat is never Other",
    "CIM_StorageExtent.OtherNameNamespace": "NameNamespace is never Other",
    "CIM_Controller.TimeOfLastReset": _NOT_TOLD,
    "CIM_Controller.MaxNumberControlled": _NOT_TOLD,
    "CIM_Controller.ProtocolSupported": "the device is no bus",
    "CIM_Controller.ProtocolDescription": "the device is no bus",
    "CIM_UserDevice.IsLocked": _VIRTUAL,
    # Hosts, services and pools
    "CIM_ManagedElement.Description": "every instance is what its class's description says",
    "CIM_ManagedSystemElement.StatusDescriptions": "OperationalStatus says all that is known",
    "CIM_ManagedSystemElement.CommunicationStatus": "a part of this server: there is no contact to lose",
    "CIM_ManagedSystemElement.DetailedStatus": "there is nothing to add to PrimaryStatus",
    "CIM_ManagedSystemElement.OperatingStatus": "EnabledState says all that is known",
    "CIM_ManagedSystemElement.Name": "InstanceID is the only name",
    "CIM_ComputerSystem.ResetCapability": _NOT_TOLD,
    "CIM_Service.PrimaryOwnerName": _ADMINISTRATIVE,
    "CIM_Service.PrimaryOwnerContact": _ADMINISTRATIVE,
    "CIM_Service.StartMode": "services are there as long as this server, whoever starts it",
    "CIM_Service.LoSID": "no level of service is agreed on",
    "CIM_Service.LoSOrgID": "no level of service is agreed on",
    # Jobs
    **dict.fromkeys(
        (
            "CIM_Job.ScheduledStartTime",
            "CIM_Job.JobRunTimes",
            "CIM_Job.RunMonth",
            "CIM_Job.RunDay",
            "CIM_Job.RunDayOfWeek",
            "CIM_Job.RunStartInterval",
            "CIM_Job.UntilTime",
        ),
        "a job is begun by a call and runs once",
    ),
    "CIM_Job.Notify": "subscribers to indications are told",
    "CIM_Job.Priority": "the jobs of a machine are worked off in the order in which they were asked for",
    "CIM_Job.RecoveryAction": "no job is run again by itself",
    "CIM_Job.OtherRecoveryAction": "RecoveryAction is not filled",
    "CIM_ConcreteJob.JobInParameters": "CIM_MethodResult tells of the call",
    "CIM_ConcreteJob.JobOutParameters": "what was made or changed is joined by CIM_AffectedJobElement",
    "CIM_ResourcePool.ResourceSubType": "the pool's resources come in one kind only",
}


def explain(declared: PropertyDecl, spec: ClassSpec | AssocSpec) -> str | None:
    """Return why a property that the spec does not fill is NULL, None when nobody has said."""
    own = {name.lower(): reason for name, reason in spec.unfilled.items()}
    return own.get(declared.name.lower()) or REASONS.get(f"{declared.class_origin}.{declared.name}")
