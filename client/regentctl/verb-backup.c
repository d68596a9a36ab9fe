/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verb.h"
int verb_backup(Context *context, char **arguments, Failure **reterr)
{
        (void) context;
        (void) arguments;
        (void) reterr;
        return -1;
}
