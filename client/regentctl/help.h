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

/* "There is no verb …", with the one that was probably meant. */
gboolean help_fail_unknown_verb(const char *name, Failure **reterr);
