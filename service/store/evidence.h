/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Evidence
 *
 * What recovery could not use is kept in damaged/, below a label that tells when and why, byte for
 * byte: whoever comes later may make more of it.
 */

#include "store/directory.h"

/*
 * Gives @names (char *) of @from second names in damaged/@label/ of @directory; where the file system
 * has no second names, copies; and what cannot be read goes there itself. Missing ones are passed
 * over. All of it is durable when this returns 0. In any thread; may be done again after a failure.
 */
int evidence_keep(const StoreDirectory *directory,
                  const StoreDirectory *from,
                  const char *label,
                  GPtrArray *names);
