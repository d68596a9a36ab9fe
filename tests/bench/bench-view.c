/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-view: what views cost their readers and regentd, and how soon a commit is seen in one
 *
 * One JSON object is printed.
 */

#include "view-live.h"
#include "view-read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "bench-view read KEYS VALUE-BYTES ROUNDS MSEC READERS\n"
                            "bench-view live ADDRESS NAMESPACE COMMITS CLOCK-FILE seen|woken\n"
                            "bench-view open ADDRESS NAMESPACE NAMESPACES\n";

static unsigned number(const char *text)
{
        return (unsigned) strtoul(text, NULL, 10);
}

static int status_of(int r)
{
        if (r < 0)
                fprintf(stderr, "bench-view: %s\n", strerror(-r));
        return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
        int status = 2;

        if (argc == 7 && strcmp(argv[1], "read") == 0)
                status = view_read_run(number(argv[2]), number(argv[3]), number(argv[4]),
                                       (uint64_t) number(argv[5]) * 1000000, number(argv[6]));
        else if (argc == 7 && strcmp(argv[1], "live") == 0)
                status = status_of(view_live_run(argv[2], argv[3], number(argv[4]), argv[5],
                                                 strcmp(argv[6], "woken") == 0));
        else if (argc == 5 && strcmp(argv[1], "open") == 0)
                status = status_of(view_live_open(argv[2], argv[3], number(argv[4])));
        if (status == 2)
                fputs(usage, stderr);
        return status;
}
