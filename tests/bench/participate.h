/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Participate
 *
 * A participant that agrees at once to whatever it is asked.
 */

/*
 * Registers for the keys of @ns_name below @prefix, prints a line when that is done, and answers until
 * its standard input ends. 0 or a negative errno.
 */
int participate_run(const char *address, const char *ns_name, const char *prefix);
