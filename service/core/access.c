/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access
 */

#include "core/access.h"

const NamespaceAccess access_standard = {
        .group = NAMESPACE_NO_GROUP,
        .mode = NAMESPACE_MODE_STANDARD,
};

NamespaceAccess access_merge(const NamespaceAccess *access,
                             const NamespaceAccess *given,
                             AccessFields fields)
{
        NamespaceAccess merged = *access;

        if (fields & ACCESS_OWNER)
                merged.owner = given->owner;
        if (fields & ACCESS_GROUP)
                merged.group = given->group;
        if (fields & ACCESS_MODE)
                merged.mode = given->mode;
        if (fields & ACCESS_QUOTA_KEYS)
                merged.quota_keys = given->quota_keys;
        if (fields & ACCESS_QUOTA_BYTES)
                merged.quota_bytes = given->quota_bytes;
        return merged;
}

AccessFields access_compare(const NamespaceAccess *a, const NamespaceAccess *b)
{
        unsigned fields = 0;

        if (a->owner != b->owner)
                fields |= ACCESS_OWNER;
        if (a->group != b->group)
                fields |= ACCESS_GROUP;
        if (a->mode != b->mode)
                fields |= ACCESS_MODE;
        if (a->quota_keys != b->quota_keys)
                fields |= ACCESS_QUOTA_KEYS;
        if (a->quota_bytes != b->quota_bytes)
                fields |= ACCESS_QUOTA_BYTES;
        return (AccessFields) fields;
}
