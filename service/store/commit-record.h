/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commit record
 *
 * Which kind of record a commit is, and its payload. What store/commit-codec.h says is the whole
 * payload of most; those of a confirmed change, on the persistent side, begin with something else:
 *
 *     PENDING                 u32 sections, the change as store/pending-codec.h says, the commit
 *     CONFIRMATION, UNDOING   u32 sections, the revision of the change that ends, the commit
 *
 * Each of the three stands on the persistent side, even if all its changes are of the runtime side,
 * and the record there is paired with it. A confirmation changes nothing.
 */

#include "core/commit.h"
#include "store/commit-codec.h"
#include "store/record.h"

#include <stdbool.h>

RecordKind commit_record_kind(const Commit *commit, CommitPart part);

/* Whether a record of @kind is one commit. */
bool commit_record_is_commit(unsigned kind);

void commit_record_put(CodecBuffer *buffer,
                       const Commit *commit,
                       CommitPart part,
                       uint64_t pair_revision);

/* Of every kind but RECORD_RESTORE. 0, -EBADMSG, or COMMIT_CODEC_E_NEWER. */
int commit_record_get(Commit **ret_commit, const Record *record);
