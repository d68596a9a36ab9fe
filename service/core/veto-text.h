/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Veto text
 *
 * The reasons that participants give are hostile text, which ends on terminals and in logs.
 */

/* One line of @text, owned: cut at LIMIT_VETO_BYTES, with '?' for what is not to be printed. */
char *veto_text_clean(const char *text);
