/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sheet
 *
 * Names and values below each other, as 'systemctl status' has them: "   State: running".
 */

#include "output.h"

typedef struct Sheet Sheet;

Sheet *sheet_new(void);
Sheet *sheet_free(Sheet *sheet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sheet, sheet_free)

G_GNUC_PRINTF(3, 4) void sheet_add(Sheet *sheet, const char *name, const char *format, ...);
/* @text is escaped here. */
void sheet_add_styled(Sheet *sheet, const char *name, Style style, const char *text);

void sheet_print(const Sheet *sheet, Output *output);
