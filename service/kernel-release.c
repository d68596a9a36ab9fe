/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernel release
 */

#include "kernel-release.h"

#include "core/name.h"
#include "util/log.h"

#include <glib.h>
#include <sys/utsname.h>

char *kernel_release_running(void)
{
        g_autofree char *quoted = NULL;
        struct utsname names;

        if (uname(&names) < 0)
                names.release[0] = '\0';
        if (kernel_release_is_valid(names.release))
                return g_strdup(names.release);

        quoted = name_quote(names.release);
        log_warning(
                "The kernel calls itself %s, which is no usable release: nothing can be of class "
                "kernel",
                quoted);
        return NULL;
}
