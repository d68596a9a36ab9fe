/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Upload
 *
 * Sends a transaction to regentd: as one commit, or in as many as its limits ask for, several of them
 * under way at a time.
 */

#include "confirmation.h"
#include "context.h"
#include "transaction.h"
#include "vetoes.h"

typedef struct Upload {
        const Transaction *transaction;
        uint64_t flags;     /* of Apply */
        bool is_one_commit; /* otherwise expectations are left out */
        const char *what;   /* for the progress: "Loading"; NULL: shows none */
} Upload;

typedef struct UploadResult {
        uint64_t revision;
        uint64_t n_changed;
        uint64_t n_removed;
        uint64_t n_commits; /* that were answered */
        Confirmation confirmation;
        Vetoes *vetoes; /* of a dry run, owned; NULL: nobody refuses */
} UploadResult;

/*
 * --class, --reason and --confirm-timeout come from the options. A commit fails or succeeds whole; when one fails or a signal comes, no
 * further one is sent, those under way are waited for, and the failure says how far it came.
 */
gboolean upload_run(Context *context,
                    const Upload *upload,
                    UploadResult *ret_result,
                    Failure **reterr);
