/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Access
 *
 * Who may do what with a namespace, like a file's, and how much it may hold.
 */

#include <stdbool.h>
#include <stdint.h>

#define NAMESPACE_NO_GROUP      UINT32_MAX /* a group nobody is in */
#define NAMESPACE_MODE_STANDARD 0644u
#define NAMESPACE_MODE_MASK     0664u /* what a mode may grant: never write to everybody */

/* A quota of 0 stands for the service's limit. */
typedef struct NamespaceAccess {
        uint32_t owner; /* uid */
        uint32_t group; /* gid, or NAMESPACE_NO_GROUP */
        uint32_t mode;
        uint64_t quota_keys;
        uint64_t quota_bytes;
} NamespaceAccess;

/* Which fields of an access are given; the others keep what they are. */
typedef enum AccessFields {
        ACCESS_OWNER = 1 << 0,
        ACCESS_GROUP = 1 << 1,
        ACCESS_MODE = 1 << 2,
        ACCESS_QUOTA_KEYS = 1 << 3,
        ACCESS_QUOTA_BYTES = 1 << 4,
} AccessFields;

/* What a namespace has that nothing else is said of; its owner is whoever makes it. */
extern const NamespaceAccess access_standard;

/* @access with those @fields that @given has. */
NamespaceAccess access_merge(const NamespaceAccess *access,
                             const NamespaceAccess *given,
                             AccessFields fields);

/* The fields in which they differ. */
AccessFields access_compare(const NamespaceAccess *a, const NamespaceAccess *b);
