/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Quota
 *
 * Whether what a commit adds to a namespace, and to what its owner owns, is within the limits. Only
 * growth is held against them: one may always delete and shrink.
 */

#include "core/limits.h"
#include "core/overlay.h"

#include <stddef.h>
#include <stdint.h>

/* What a commit gives a namespace, or an owner, more of; modulo 2^64. */
typedef struct QuotaMore {
        uint64_t keys;
        uint64_t bytes;
} QuotaMore;

/* What each owner would own more of. To be made with .n_owners = 0, for the rest is large. */
typedef struct QuotaOwned {
        size_t n_owners;
        struct {
                uint32_t uid;
                QuotaMore more;
        } owners[LIMIT_COMMIT_NAMESPACES];
} QuotaOwned;

/* At most once for each namespace of a commit. */
void quota_add_owned(QuotaOwned *owned, uint32_t owner, const QuotaMore *more);

/* These return 0, or CORE_E_QUOTA_EXCEEDED with its text. */
int quota_check_namespace(const Overlay *overlay,
                          const Limits *limits,
                          const Namespace *ns,
                          const QuotaMore *more,
                          char **reterr_text);

/* Each owner once, by what the whole commit adds and takes away. */
int quota_check_owners(const Overlay *overlay,
                       const Limits *limits,
                       const QuotaOwned *owned,
                       char **reterr_text);
