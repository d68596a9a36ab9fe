/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views: sleeping until there is something new
 *
 * In the memory while there is a regentd; while there is none, between looks whether one has come.
 */

#include "view-private.h"

#include <errno.h>
#include <time.h>

#define NAP_USEC     UINT64_C(20000)
#define NAP_MAX_USEC UINT64_C(500000)

static void sleep_for(uint64_t usec)
{
        struct timespec time = { (time_t) (usec / G_USEC_PER_SEC),
                                 (long) (usec % G_USEC_PER_SEC * 1000) };

        (void) nanosleep(&time, NULL);
}

static uint64_t time_left(uint64_t end_usec)
{
        uint64_t now = (uint64_t) g_get_monotonic_time();

        return end_usec > now ? end_usec - now : 0;
}

/* Until it follows again. */
static int await_service(RegentView *view, uint64_t end_usec)
{
        uint64_t nap_usec = NAP_USEC;

        while (regent_view_refresh(view) < 0 || !view_follows(view)) {
                uint64_t left = time_left(end_usec);

                if (view->is_gone)
                        return -ESTALE;
                if (!view->follower.regent)
                        return -ENOTCONN;
                if (left == 0)
                        return -ETIMEDOUT;
                sleep_for(MIN(nap_usec, left));
                nap_usec = MIN(2 * nap_usec, NAP_MAX_USEC);
        }

        return 0;
}

/* Until something was published, or it does not follow any more. */
static int await_commit(RegentView *view, uint64_t revision, uint64_t end_usec)
{
        while (view_follows(view)) {
                uint32_t sequence = view_reader_sequence(&view->reader);
                int r;

                if (view_reader_revision(&view->reader) > revision)
                        return 0;
                r = view_reader_wait(&view->reader, sequence, time_left(end_usec));
                if (r == -EOWNERDEAD)
                        return 0;
                if (r < 0)
                        return r;
        }

        return 0;
}

int regent_view_wait(RegentView *view,
                     uint64_t revision,
                     uint64_t timeout_usec,
                     uint64_t *ret_revision)
{
        uint64_t now = (uint64_t) g_get_monotonic_time();
        uint64_t end_usec = timeout_usec < UINT64_MAX - now ? now + timeout_usec : UINT64_MAX;
        bool followed = false;
        int r = 0;

        for (;;) {
                /* Whoever sleeps is told once that nothing follows. */
                if (regent_view_refresh(view) < 0 && followed)
                        break;
                if (regent_view_revision(view) > revision)
                        break;
                r = await_service(view, end_usec);
                if (r < 0)
                        return r;
                followed = true;
                if (regent_view_revision(view) > revision)
                        break;
                r = await_commit(view, revision, end_usec);
                if (r < 0)
                        return r;
        }

        if (view->is_gone)
                return -ESTALE;
        if (ret_revision)
                *ret_revision = regent_view_revision(view);
        return 0;
}
