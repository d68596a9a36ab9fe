/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dump: taken from a state directory
 *
 * The same as dump-take.h has of a regentd.
 */

#include "dump.h"
#include "offline.h"

/*
 * What @offline puts out of @names, of all when that is empty. A name that is not there becomes an
 * absent namespace when @is_lenient, else it is EXIT_NOT_FOUND.
 */
gboolean dump_offline_take(
        Offline *offline, char **names, bool is_lenient, Dump **ret_dump, Failure **reterr);
