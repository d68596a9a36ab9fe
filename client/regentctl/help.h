/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Help
 *
 * Made from the tables of verbs and options, at most 80 columns wide.
 */

#include "verb.h"

/* Of regentctl, or of one verb. */
void help_print(Output *output, const Verb *verb);

/* Fails with the name of the verb that was probably meant. */
gboolean help_find_verb(const char *name, const Verb **ret_verb, Failure **reterr);
