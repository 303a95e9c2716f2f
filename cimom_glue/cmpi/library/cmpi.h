/*
 * The binary interface between a CIMOM and its providers, at level 1.0: what both sides lay out in
 * memory. Functions that this library never calls are slots without a signature.
 *
 * Source: The Open Group, Technical Standard C061, "Common Manageability Programming Interface"
 * (CMPI) 1.0, chapters 4 (data types), 5 (broker functions), 6 (provider functions).
 * abi.c checks the layout against the offsets that CIMOMs' public headers give.
 */
#ifndef XENCIM_CMPI_H
#define XENCIM_CMPI_H

#include <stdint.h>

#define CMPI_VERSION_100 100

typedef void (*CMPISlot)(void);

typedef uint32_t CMPICount;
typedef uint8_t CMPIBoolean;
typedef uint16_t CMPIType;
typedef uint16_t CMPIValueState;

typedef struct _CMPIBroker CMPIBroker;
typedef struct _CMPIContext CMPIContext;
typedef struct _CMPIResult CMPIResult;
typedef struct _CMPIInstance CMPIInstance;
typedef struct _CMPIObjectPath CMPIObjectPath;
typedef struct _CMPIArgs CMPIArgs;
typedef struct _CMPIString CMPIString;
typedef struct _CMPIArray CMPIArray;
typedef struct _CMPIDateTime CMPIDateTime;
typedef struct _CMPISelectExp CMPISelectExp;
typedef struct _CMPIEnumeration CMPIEnumeration;

/* Types: one bit for each family, so that a family can be told by a mask. */
enum {
    CMPI_null = 0,
    CMPI_boolean = 0x0002,
    CMPI_char16 = 0x0003,
    CMPI_real32 = 0x0008,
    CMPI_real64 = 0x000c,
    CMPI_uint8 = 0x0080,
    CMPI_uint16 = 0x0090,
    CMPI_uint32 = 0x00a0,
    CMPI_uint64 = 0x00b0,
    CMPI_sint8 = 0x00c0,
    CMPI_sint16 = 0x00d0,
    CMPI_sint32 = 0x00e0,
    CMPI_sint64 = 0x00f0,
    CMPI_instance = 0x1000,
    CMPI_ref = 0x1100,
    CMPI_string = 0x1600,
    CMPI_chars = 0x1700,
    CMPI_dateTime = 0x1800,
    CMPI_ARRAY = 0x2000
};

/* States of a value. */
enum {
    CMPI_goodValue = 0,
    CMPI_nullValue = 0x0100,
    CMPI_keyValue = 0x0200,
    CMPI_notFound = 0x0400,
    CMPI_badValue = 0x8000
};

typedef enum {
    CMPI_RC_OK = 0,
    CMPI_RC_ERR_FAILED = 1,
    CMPI_RC_ERR_ACCESS_DENIED = 2,
    CMPI_RC_ERR_INVALID_PARAMETER = 4,
    CMPI_RC_ERR_NOT_FOUND = 6,
    CMPI_RC_ERR_NOT_SUPPORTED = 7,
    CMPI_RC_ERR_NO_SUCH_PROPERTY = 12,
    CMPI_RC_ERR_TYPE_MISMATCH = 13,
    CMPI_RC_DO_NOT_UNLOAD = 50,
    CMPI_RC_ERROR_SYSTEM = 100
} CMPIrc;

typedef struct _CMPIStatus {
    CMPIrc rc;
    CMPIString *msg;
} CMPIStatus;

typedef struct _CMPIValuePtr {
    void *ptr;
    CMPICount length;
} CMPIValuePtr;

typedef union _CMPIValue {
    uint64_t uint64;
    uint32_t uint32;
    uint16_t uint16;
    uint8_t uint8;
    int64_t sint64;
    int32_t sint32;
    int16_t sint16;
    int8_t sint8;
    double real64;
    float real32;
    CMPIBoolean boolean;
    uint16_t char16;
    CMPIInstance *inst;
    CMPIObjectPath *ref;
    CMPIArray *array;
    CMPIString *string;
    char *chars;
    CMPIDateTime *dateTime;
    CMPIValuePtr dataPtr; /* gives the union its size */
} CMPIValue;

typedef struct _CMPIData {
    CMPIType type;
    CMPIValueState state;
    CMPIValue value;
} CMPIData;

/* What a provider finds in its context. */
#define CMPI_PRINCIPAL "CMPIPrincipal"
#define CMPI_INVOCATION_FLAGS "CMPIInvocationFlags"
#define CMPI_ACCEPT_LANGUAGE "CMPIAcceptLanguage"
#define CMPI_CONTENT_LANGUAGE "CMPIContentLanguage" /* and what it may leave there */

enum { CMPI_FLAG_DeepInheritance = 2 };

/* Objects: each is a handle and its functions. ------------------------------------------------ */

typedef struct _CMPIStringFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIString *);
    CMPIString *(*clone)(const CMPIString *, CMPIStatus *);
    const char *(*getCharPtr)(const CMPIString *, CMPIStatus *);
} CMPIStringFT;
struct _CMPIString {
    void *hdl;
    CMPIStringFT *ft;
};

typedef struct _CMPIDateTimeFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIDateTime *);
    CMPIDateTime *(*clone)(const CMPIDateTime *, CMPIStatus *);
    uint64_t (*getBinaryFormat)(const CMPIDateTime *, CMPIStatus *);
    CMPIString *(*getStringFormat)(const CMPIDateTime *, CMPIStatus *);
    CMPIBoolean (*isInterval)(const CMPIDateTime *, CMPIStatus *);
} CMPIDateTimeFT;
struct _CMPIDateTime {
    void *hdl;
    CMPIDateTimeFT *ft;
};

typedef struct _CMPIArrayFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIArray *);
    CMPIArray *(*clone)(const CMPIArray *, CMPIStatus *);
    CMPICount (*getSize)(const CMPIArray *, CMPIStatus *);
    CMPIType (*getSimpleType)(const CMPIArray *, CMPIStatus *);
    CMPIData (*getElementAt)(const CMPIArray *, CMPICount, CMPIStatus *);
    CMPIStatus (*setElementAt)(CMPIArray *, CMPICount, const CMPIValue *, CMPIType);
} CMPIArrayFT;
struct _CMPIArray {
    void *hdl;
    CMPIArrayFT *ft;
};

typedef struct _CMPIObjectPathFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIObjectPath *);
    CMPIObjectPath *(*clone)(const CMPIObjectPath *, CMPIStatus *);
    CMPIStatus (*setNameSpace)(CMPIObjectPath *, const char *);
    CMPIString *(*getNameSpace)(const CMPIObjectPath *, CMPIStatus *);
    CMPIStatus (*setHostname)(CMPIObjectPath *, const char *);
    CMPIString *(*getHostname)(const CMPIObjectPath *, CMPIStatus *);
    CMPIStatus (*setClassName)(CMPIObjectPath *, const char *);
    CMPIString *(*getClassName)(const CMPIObjectPath *, CMPIStatus *);
    CMPIStatus (*addKey)(CMPIObjectPath *, const char *, const CMPIValue *, CMPIType);
    CMPIData (*getKey)(const CMPIObjectPath *, const char *, CMPIStatus *);
    CMPIData (*getKeyAt)(const CMPIObjectPath *, CMPICount, CMPIString **, CMPIStatus *);
    CMPICount (*getKeyCount)(const CMPIObjectPath *, CMPIStatus *);
    CMPISlot setNameSpaceFromObjectPath;
    CMPISlot setHostAndNameSpaceFromObjectPath;
    CMPISlot getClassQualifier;
    CMPISlot getPropertyQualifier;
    CMPISlot getMethodQualifier;
    CMPISlot getParameterQualifier;
    CMPISlot toString;
} CMPIObjectPathFT;
struct _CMPIObjectPath {
    void *hdl;
    CMPIObjectPathFT *ft;
};

typedef struct _CMPIInstanceFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIInstance *);
    CMPIInstance *(*clone)(const CMPIInstance *, CMPIStatus *);
    CMPIData (*getProperty)(const CMPIInstance *, const char *, CMPIStatus *);
    CMPIData (*getPropertyAt)(const CMPIInstance *, CMPICount, CMPIString **, CMPIStatus *);
    CMPICount (*getPropertyCount)(const CMPIInstance *, CMPIStatus *);
    CMPIStatus (*setProperty)(const CMPIInstance *, const char *, const CMPIValue *, CMPIType);
    CMPIObjectPath *(*getObjectPath)(const CMPIInstance *, CMPIStatus *);
    CMPIStatus (*setPropertyFilter)(CMPIInstance *, const char **, const char **);
    CMPISlot setObjectPath;
} CMPIInstanceFT;
struct _CMPIInstance {
    void *hdl;
    CMPIInstanceFT *ft;
};

typedef struct _CMPIArgsFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIArgs *);
    CMPIArgs *(*clone)(const CMPIArgs *, CMPIStatus *);
    CMPIStatus (*addArg)(const CMPIArgs *, const char *, const CMPIValue *, CMPIType);
    CMPIData (*getArg)(const CMPIArgs *, const char *, CMPIStatus *);
    CMPIData (*getArgAt)(const CMPIArgs *, CMPICount, CMPIString **, CMPIStatus *);
    CMPICount (*getArgCount)(const CMPIArgs *, CMPIStatus *);
} CMPIArgsFT;
struct _CMPIArgs {
    void *hdl;
    CMPIArgsFT *ft;
};

typedef struct _CMPIContextFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIContext *);
    CMPIContext *(*clone)(const CMPIContext *, CMPIStatus *);
    CMPIData (*getEntry)(const CMPIContext *, const char *, CMPIStatus *);
    CMPIData (*getEntryAt)(const CMPIContext *, CMPICount, CMPIString **, CMPIStatus *);
    CMPICount (*getEntryCount)(const CMPIContext *, CMPIStatus *);
    CMPIStatus (*addEntry)(const CMPIContext *, const char *, const CMPIValue *, CMPIType);
} CMPIContextFT;
struct _CMPIContext {
    void *hdl;
    CMPIContextFT *ft;
};

typedef struct _CMPIResultFT {
    int ftVersion;
    CMPIStatus (*release)(CMPIResult *);
    CMPIResult *(*clone)(const CMPIResult *, CMPIStatus *);
    CMPIStatus (*returnData)(const CMPIResult *, const CMPIValue *, CMPIType);
    CMPIStatus (*returnInstance)(const CMPIResult *, const CMPIInstance *);
    CMPIStatus (*returnObjectPath)(const CMPIResult *, const CMPIObjectPath *);
    CMPIStatus (*returnDone)(const CMPIResult *);
} CMPIResultFT;
struct _CMPIResult {
    void *hdl;
    CMPIResultFT *ft;
};

/* The broker. --------------------------------------------------------------------------------- */

typedef struct _CMPIBrokerFT {
    unsigned int brokerCapabilities;
    unsigned int brokerVersion;
    const char *brokerName;
    CMPIContext *(*prepareAttachThread)(const CMPIBroker *, const CMPIContext *);
    CMPIStatus (*attachThread)(const CMPIBroker *, const CMPIContext *);
    CMPIStatus (*detachThread)(const CMPIBroker *, const CMPIContext *);
    CMPIStatus (*deliverIndication)(const CMPIBroker *, const CMPIContext *, const char *,
                                    const CMPIInstance *);
    CMPISlot enumerateInstanceNames;
    CMPISlot getInstance;
    CMPISlot createInstance;
    CMPISlot modifyInstance;
    CMPISlot deleteInstance;
    CMPISlot execQuery;
    CMPISlot enumerateInstances;
    CMPISlot associators;
    CMPISlot associatorNames;
    CMPISlot references;
    CMPISlot referenceNames;
    CMPISlot invokeMethod;
    CMPISlot setProperty;
    CMPISlot getProperty;
} CMPIBrokerFT;

typedef struct _CMPIBrokerEncFT {
    int ftVersion;
    CMPIInstance *(*newInstance)(const CMPIBroker *, const CMPIObjectPath *, CMPIStatus *);
    CMPIObjectPath *(*newObjectPath)(const CMPIBroker *, const char *, const char *, CMPIStatus *);
    CMPIArgs *(*newArgs)(const CMPIBroker *, CMPIStatus *);
    CMPIString *(*newString)(const CMPIBroker *, const char *, CMPIStatus *);
    CMPIArray *(*newArray)(const CMPIBroker *, CMPICount, CMPIType, CMPIStatus *);
    CMPIDateTime *(*newDateTime)(const CMPIBroker *, CMPIStatus *);
    CMPISlot newDateTimeFromBinary;
    CMPIDateTime *(*newDateTimeFromChars)(const CMPIBroker *, const char *, CMPIStatus *);
    CMPISlot newSelectExp;
    CMPISlot classPathIsA;
    CMPISlot toString;
    CMPISlot isOfType;
    CMPISlot getType;
    CMPISlot getMessage;
    CMPISlot logMessage;
    CMPISlot trace;
} CMPIBrokerEncFT;

struct _CMPIBroker {
    void *hdl;
    CMPIBrokerFT *bft;
    CMPIBrokerEncFT *eft;
    void *xft;
};

/* The provider. ------------------------------------------------------------------------------- */

typedef struct _CMPIInstanceMI CMPIInstanceMI;
typedef struct _CMPIInstanceMIFT {
    int ftVersion;
    int miVersion;
    const char *miName;
    CMPIStatus (*cleanup)(CMPIInstanceMI *, const CMPIContext *, CMPIBoolean);
    CMPIStatus (*enumerateInstanceNames)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *,
                                         const CMPIObjectPath *);
    CMPIStatus (*enumerateInstances)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *,
                                     const CMPIObjectPath *, const char **);
    CMPIStatus (*getInstance)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *,
                              const CMPIObjectPath *, const char **);
    CMPIStatus (*createInstance)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *,
                                 const CMPIObjectPath *, const CMPIInstance *);
    CMPIStatus (*modifyInstance)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *,
                                 const CMPIObjectPath *, const CMPIInstance *, const char **);
    CMPIStatus (*deleteInstance)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *,
                                 const CMPIObjectPath *);
    CMPIStatus (*execQuery)(CMPIInstanceMI *, const CMPIContext *, const CMPIResult *, const CMPIObjectPath *,
                            const char *, const char *);
} CMPIInstanceMIFT;
struct _CMPIInstanceMI {
    void *hdl;
    const CMPIInstanceMIFT *ft;
};

typedef struct _CMPIAssociationMI CMPIAssociationMI;
typedef struct _CMPIAssociationMIFT {
    int ftVersion;
    int miVersion;
    const char *miName;
    CMPIStatus (*cleanup)(CMPIAssociationMI *, const CMPIContext *, CMPIBoolean);
    CMPIStatus (*associators)(CMPIAssociationMI *, const CMPIContext *, const CMPIResult *,
                              const CMPIObjectPath *, const char *, const char *, const char *, const char *,
                              const char **);
    CMPIStatus (*associatorNames)(CMPIAssociationMI *, const CMPIContext *, const CMPIResult *,
                                  const CMPIObjectPath *, const char *, const char *, const char *,
                                  const char *);
    CMPIStatus (*references)(CMPIAssociationMI *, const CMPIContext *, const CMPIResult *,
                             const CMPIObjectPath *, const char *, const char *, const char **);
    CMPIStatus (*referenceNames)(CMPIAssociationMI *, const CMPIContext *, const CMPIResult *,
                                 const CMPIObjectPath *, const char *, const char *);
} CMPIAssociationMIFT;
struct _CMPIAssociationMI {
    void *hdl;
    const CMPIAssociationMIFT *ft;
};

typedef struct _CMPIMethodMI CMPIMethodMI;
typedef struct _CMPIMethodMIFT {
    int ftVersion;
    int miVersion;
    const char *miName;
    CMPIStatus (*cleanup)(CMPIMethodMI *, const CMPIContext *, CMPIBoolean);
    CMPIStatus (*invokeMethod)(CMPIMethodMI *, const CMPIContext *, const CMPIResult *,
                               const CMPIObjectPath *, const char *, const CMPIArgs *, CMPIArgs *);
} CMPIMethodMIFT;
struct _CMPIMethodMI {
    void *hdl;
    const CMPIMethodMIFT *ft;
};

typedef struct _CMPIIndicationMI CMPIIndicationMI;
typedef struct _CMPIIndicationMIFT {
    int ftVersion;
    int miVersion;
    const char *miName;
    CMPIStatus (*cleanup)(CMPIIndicationMI *, const CMPIContext *, CMPIBoolean);
    CMPIStatus (*authorizeFilter)(CMPIIndicationMI *, const CMPIContext *, const CMPISelectExp *,
                                  const char *, const CMPIObjectPath *, const char *);
    CMPIStatus (*mustPoll)(void); /* CIMOMs differ in what they call it with: none of it is used */
    CMPIStatus (*activateFilter)(CMPIIndicationMI *, const CMPIContext *, const CMPISelectExp *, const char *,
                                 const CMPIObjectPath *, CMPIBoolean);
    CMPIStatus (*deActivateFilter)(CMPIIndicationMI *, const CMPIContext *, const CMPISelectExp *,
                                   const char *, const CMPIObjectPath *, CMPIBoolean);
    CMPIStatus (*enableIndications)(CMPIIndicationMI *, const CMPIContext *);
    CMPIStatus (*disableIndications)(CMPIIndicationMI *, const CMPIContext *);
} CMPIIndicationMIFT;
struct _CMPIIndicationMI {
    void *hdl;
    const CMPIIndicationMIFT *ft;
};

#endif
