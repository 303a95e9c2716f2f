"""Which classes of the DMTF schema the generator takes, and the lines of our own about some of them.

Classes that our own MOF names are not listed: the generator finds them.

Source: DSP1033 and DSP0200 (the server's own classes), DSP1042, DSP1057, DSP1054.
"""

from __future__ import annotations

# Served by their own names, or part of what clients expect a server's model to have.
DIRECT = (
    "CIM_ObjectManager",
    "CIM_Namespace",
    "CIM_NamespaceInManager",
    "CIM_CIMXMLCommunicationMechanism",
    "CIM_CommMechanismForManager",
    "CIM_HostedService",
    "CIM_HostedAccessPoint",
    "CIM_RegisteredProfile",
    "CIM_ReferencedProfile",
    "CIM_ElementConformsToProfile",
    "CIM_IndicationService",
    "CIM_IndicationServiceCapabilities",
    "CIM_IndicationFilter",
    "CIM_ListenerDestinationCIMXML",
    "CIM_IndicationSubscription",
    "CIM_InstCreation",
    "CIM_InstModification",
    "CIM_InstDeletion",
    "CIM_AlertIndication",
    "CIM_ConcreteJob",
    "CIM_Error",
    "CIM_MethodResult",
)

# In 2.41.0 Experimental only.
EXPERIMENTAL = (
    "CIM_MostCurrentSnapshotInBranch",
    "CIM_VirtualSystemMigrationCapabilities",
    "CIM_VirtualSystemMigrationService",
)

DESCRIPTIONS = {
    "CIM_ActiveConnection": "Links the two ends of a connection.",
    "CIM_AffectedJobElement": "Links a job to what it changes.",
    "CIM_AlertIndication": "Says that something happened which somebody should know of.",
    "CIM_AllocationCapabilities": "How resources can be allocated from a pool.",
    "CIM_AssociatedJobMethodResult": "Links a job to the call that it was begun by.",
    "CIM_CIMXMLCommunicationMechanism": "One address on which the server speaks CIM-XML.",
    "CIM_CommMechanismForManager": "Links the server to the addresses it listens on.",
    "CIM_Component": "Whole and part.",
    "CIM_ComputerSystem": "A computer: the host itself, or a virtual machine on it.",
    "CIM_ConcreteJob": "Work that goes on after the call that asked for it has returned.",
    "CIM_Dependency": "One element (Dependent) needs the other (Antecedent).",
    "CIM_DeviceSAPImplementation": "Links a device to the access point that it makes.",
    "CIM_ElementAllocatedFromPool": "Links a pool to a device, or to another pool, allocated from it.",
    "CIM_ElementCapabilities": "Links an element to what it can do.",
    "CIM_ElementConformsToProfile": "Links a profile to the elements that follow it.",
    "CIM_ElementSettingData": "Links an element to its settings, and says which are current and which next.",
    "CIM_Error": "An error of an operation, with more detail than its status code.",
    "CIM_HostedAccessPoint": "Links a system to the access points on it.",
    "CIM_HostedDependency": "Links a host to the guests on it.",
    "CIM_HostedResourcePool": "Links a host to its resource pools.",
    "CIM_HostedService": "Links a system to the services on it.",
    "CIM_Indication": "What a subscriber is told.",
    "CIM_IndicationFilter": "What a subscriber wants to be told.",
    "CIM_IndicationServiceCapabilities": "What can be set on the service that delivers indications.",
    "CIM_IndicationSubscription": "Links a filter to the listener that is told what it lets through.",
    "CIM_IndicationService": "The service that delivers indications to subscribers.",
    "CIM_InstCreation": "Says that an instance has come into being.",
    "CIM_InstDeletion": "Says that an instance is gone.",
    "CIM_InstModification": "Says that an instance has changed.",
    "CIM_ListenerDestinationCIMXML": "A listener that is told by CIM-XML.",
    "CIM_LastAppliedSnapshot": "Links a virtual machine to the snapshot that it was last returned to.",
    "CIM_ManagedElement": "Whatever can be managed: the root of nearly all classes.",
    "CIM_ManagedSystemElement": "A managed element that is part of a system and has a state.",
    "CIM_MethodResult": "The outcome of a method that went on as a job.",
    "CIM_MostCurrentSnapshotInBranch": "Links a virtual machine to the snapshot that its state follows from.",
    "CIM_Namespace": "A namespace of the server.",
    "CIM_NamespaceInManager": "Links the server to its namespaces.",
    "CIM_ObjectManager": "The server itself.",
    "CIM_OwningJobElement": "Links a job to what it was asked of.",
    "CIM_ReferencedProfile": "Links a profile to one that it builds on.",
    "CIM_RegisteredProfile": "A profile that is implemented here.",
    "CIM_ResourceAllocationFromPool": "Links a pool to the settings of what is allocated from it.",
    "CIM_ResourceAllocationSettingData": "How much of a resource a virtual machine has or wants.",
    "CIM_ResourcePool": "Resources of a host that can be given to virtual machines.",
    "CIM_SettingData": "Settings of an element.",
    "CIM_SettingsDefineCapabilities": "Links capabilities to the settings that describe their bounds.",
    "CIM_SettingsDefineState": "Links an element to the settings that are in effect on it.",
    "CIM_SnapshotOfVirtualSystem": "Links a virtual machine to its snapshots.",
    "CIM_SystemDevice": "Links a system to its devices.",
    "CIM_VirtualSystemManagementCapabilities": "What the management service of a host can do.",
    "CIM_VirtualSystemManagementService": "Defines, changes and removes the virtual machines of a host.",
    "CIM_VirtualSystemMigrationService": "Moves virtual machines to other hosts.",
    "CIM_VirtualSystemSettingData": "The settings of a virtual machine as a whole.",
    "CIM_VirtualSystemSettingDataComponent": "Links a virtual machine's settings to those of its resources.",
    "CIM_VirtualSystemSnapshotService": "Takes, applies and removes snapshots of virtual machines.",
}
