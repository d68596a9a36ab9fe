/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view-hammer: what test_view.py has read a view, in a thread without Python
 *
 * Each commit gives "a" and "b" one number, ever larger. Reads them until @stop is not 0 or the view is retired: the
 * number of reads, or what is wrong with them, negative. *last is what was read last, before and after.
 */

#include "client/view-reader.h"

#include <errno.h>

int64_t view_hammer(const ViewReader *reader, const int *stop, uint64_t *last);

int64_t view_hammer(const ViewReader *reader, const int *stop, uint64_t *last)
{
        int64_t n = 0;

        for (; !__atomic_load_n(stop, __ATOMIC_RELAXED); n++) {
                uint32_t sequence;
                uint64_t a, b;
                int r;

                if (view_reader_state(reader) != REGENT_VIEW_LIVE)
                        return n;
                if (view_reader_begin(reader, &sequence) < 0)
                        continue; /* killed in the middle */

                r = view_reader_get_fixed(reader, "a", "t", &a, sizeof a);
                if (r == 0)
                        r = view_reader_get_fixed(reader, "b", "t", &b, sizeof b);
                if (!view_reader_is_whole(reader, sequence))
                        continue;
                if (r < 0)
                        return r;
                if (a != b)
                        return -EILSEQ;
                if (a < *last)
                        return -ESTALE;
                *last = a;
        }

        return n;
}
