/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Load: into a state directory
 *
 * What upload.h does with a regentd.
 */

#include "dump.h"
#include "offline.h"
#include "transaction.h"
#include "upload.h"

/*
 * Creates @missing (DumpNamespace) and applies @transaction: as one commit with @is_one_commit, else
 * in as many as it takes.
 */
gboolean load_offline(Offline *offline,
                      const GPtrArray *missing,
                      const Transaction *transaction,
                      bool is_one_commit,
                      const char *reason,
                      UploadResult *ret_result,
                      Failure **reterr);
