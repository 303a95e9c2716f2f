/*
 * Checks at compile time that cmpi.h lays structures out as CIMOMs do. A test broker built from the
 * same header could not tell.
 */
#include <stddef.h>

#include "cmpi.h"

#ifdef __LP64__
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), "size of " #type);
#define OFFSET(type, member, bytes) _Static_assert(offsetof(type, member) == (bytes), #type "." #member);
#define VALUE(name, number) _Static_assert((name) == (number), #name);
#include "abi_offsets.h"
#else
#error "the layout was measured on LP64 platforms only"
#endif
